#!/usr/bin/env bash
# The report was written by the pull request's own run: trueup trusts nothing in it.
set -euo pipefail
exec npx --yes "trueup@$TRUEUP_VERSION" comment --name "$TRUEUP_NAME" "$RUNNER_TEMP/trueup-report/report.json"
