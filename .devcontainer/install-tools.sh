#!/usr/bin/env bash
# What the image and its features lack: Redis and HAProxy for the tests and the rehearsal, and Pulumi, for
# which there is no official feature. PULUMI_VERSION comes from devcontainer.json.
set -euo pipefail

sudo apt-get update
sudo apt-get install --yes --no-install-recommends redis-server haproxy
curl --fail --silent --show-error --location https://get.pulumi.com | sh -s -- --version "${PULUMI_VERSION:?}"
