# For `source`: Trueup as it is at the commit that the workflow pins, with what its lock file says. Nothing is asked of a registry
# by name, and no package runs a script when it is installed.
own_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
own=(node "$own_root/bin/trueup.cjs")

install_own() {
  # Two steps of one job share it.
  [ -d "$own_root/node_modules" ] && return
  (cd "$own_root" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
}
