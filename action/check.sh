#!/usr/bin/env bash
# Annotates what is wrong, writes the step summary, and leaves the report for the comment. Fails as the check does.
set -uo pipefail

if [ -z "${TRUEUP_SINCE:-}" ]; then
  echo '::error title=trueup::There is no pull request, so nothing says what is deployed. Give the input since.'
  exit 2
fi

source "$(dirname "${BASH_SOURCE[0]}")/own.sh"
# The repository's own copy, where an earlier step installed it: its rules are those of the deployment.
if [ -x node_modules/.bin/trueup ]; then
  trueup=("$PWD/node_modules/.bin/trueup")
  which='installed in this repository'
else
  install_own || exit
  trueup=("${own[@]}")
  which="of the action's commit"
fi
version="$("${trueup[@]}" --version)" || exit
echo "Trueup $version, $which."

options=(--since "$TRUEUP_SINCE")
[ -n "${TRUEUP_MAJOR:-}" ] && options+=(--major "$TRUEUP_MAJOR")
[ -n "${TRUEUP_WORKLOAD:-}" ] && options+=(--workload "$TRUEUP_WORKLOAD")

report="$RUNNER_TEMP/trueup-report/report.json"
mkdir -p "$(dirname "$report")"

"${trueup[@]}" check --run --format github "${options[@]}" -- "$TRUEUP_FOLDER"
checked=$?
"${trueup[@]}" plan --json "${options[@]}" -- "$TRUEUP_FOLDER" > "$report"
planned=$?
"${trueup[@]}" comment --print "$report" >> "$GITHUB_STEP_SUMMARY"
shown=$?
printf '\nTrueup %s, %s.\n' "$version" "$which" >> "$GITHUB_STEP_SUMMARY"

[ "$checked" -ne 0 ] && exit "$checked"
[ "$planned" -ne 0 ] && exit "$planned"
exit "$shown"
