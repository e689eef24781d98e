#!/usr/bin/env bash
# Deactivates the revisions of a stack that have neither traffic nor a label: each keeps its least replicas
# running, and paid for, until someone says so. Usage: retire-idle.sh STACK
set -euo pipefail

stack=$1
app=$(pulumi stack output containerAppName --stack "$stack")
group=$(pulumi stack output resourceGroup --stack "$stack")
listed=$(pulumi stack output revisions --json --stack "$stack" | jq -r '.[].revision')

az containerapp revision list --name "$app" --resource-group "$group" --query '[?properties.active].name' --output tsv |
  while read -r revision; do
    grep -qx "$revision" <<<"$listed" && continue
    echo "deactivating $revision"
    az containerapp revision deactivate --revision "$revision" --name "$app" --resource-group "$group" >/dev/null
  done
