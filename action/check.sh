#!/usr/bin/env bash
# Annotates what is wrong, and writes the plan, or why there is none, to the step summary. Fails as the check does.
set -uo pipefail

fail() {
  echo "::error title=trueup::$1"
  exit 2
}

[ -n "${TRUEUP_SINCE:-}" ] ||
  fail 'There is no pull request, so nothing says what is deployed. Give the input since.'

# The rules of the installed version are those of the deployment.
trueup="$PWD/node_modules/.bin/trueup"
[ -x "$trueup" ] ||
  fail 'Trueup is not installed in this project. Add it to the devDependencies of package.json, and run "npm ci" in a step before this one.'
version="$("$trueup" --version)" || exit
echo "Trueup $version"

options=(--since "$TRUEUP_SINCE")
[ -n "${TRUEUP_MAJOR:-}" ] && options+=(--major "$TRUEUP_MAJOR")
[ -n "${TRUEUP_WORKLOAD:-}" ] && options+=(--workload "$TRUEUP_WORKLOAD")

"$trueup" check --run --format github "${options[@]}" -- "$TRUEUP_FOLDER"
checked=$?

plan="$(mktemp "$RUNNER_TEMP/trueup-plan-XXXXXX")"
"$trueup" plan --format markdown "${options[@]}" -- "$TRUEUP_FOLDER" > "$plan"
planned=$?
cat "$plan" >> "$GITHUB_STEP_SUMMARY"
printf '\nTrueup %s\n' "$version" >> "$GITHUB_STEP_SUMMARY"
[ -s "$plan" ] && echo "plan=$plan" >> "$GITHUB_OUTPUT"

[ "$checked" -ne 0 ] && exit "$checked"
exit "$planned"
