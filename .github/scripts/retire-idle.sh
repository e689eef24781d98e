#!/usr/bin/env bash
# Deactivates the revisions of a stack that have neither traffic nor a label: each keeps its least replicas
# running, and paid for, until someone says so. Usage: retire-idle.sh STACK
set -euo pipefail

stack=$1
app=$(pulumi stack output containerAppName --stack "$stack")
group=$(pulumi stack output resourceGroup --stack "$stack")
listed=$(pulumi stack output revisions --json --stack "$stack" |
  node --print 'JSON.parse(fs.readFileSync(0, "utf8")).map(({ revision }) => revision).join("\n")')
if [ -z "$listed" ]; then
  echo "The stack $stack lists no revision: without knowing which one serves, none is deactivated" >&2
  exit 1
fi

active=$(az containerapp revision list --name "$app" --resource-group "$group" --query '[?properties.active].name' --output tsv)
for revision in $active; do
  if grep -qxF "$revision" <<<"$listed"; then continue; fi
  echo "deactivating $revision"
  az containerapp revision deactivate --revision "$revision" --name "$app" --resource-group "$group" --output none
done
