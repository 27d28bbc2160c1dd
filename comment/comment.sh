#!/usr/bin/env bash
# The report was written by the pull request's own run: trueup trusts nothing in it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../action/own.sh"
install_own
exec "${own[@]}" comment --name "$TRUEUP_NAME" "$RUNNER_TEMP/trueup-report/report.json"
