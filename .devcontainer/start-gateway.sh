#!/usr/bin/env bash
# Serves the gateway for whoever attaches. A second window finds it served, and the port taken: it says so and ends.
set -euo pipefail

if curl --silent --fail --output /dev/null --max-time 2 "http://127.0.0.1:${PORT:-8080}/healthz"; then
  echo "The gateway is served already: http://127.0.0.1:${PORT:-8080}"
  exit 0
fi
exec npm start
