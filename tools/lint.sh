#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The fast gates, shared by people, `make test` and CI. Every gate runs even if an earlier one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
export PATH="$PWD/.venv/bin:$PATH"
failed=0

gate() {
  local name=$1
  shift
  if "$@"; then
    printf '  %-12s ok\n' "$name"
  else
    printf '  %-12s FAILED: %s\n' "$name" "$*" >&2
    failed=1
  fi
}

scripts() { { git ls-files '*.sh'; echo .ci/run; } | sort -u; }

# A function of rank D or worse (cyclomatic complexity above 20, boolean operators counted).
# shellcheck disable=SC2329  # called through gate
simple() {
  local found
  found=$(radon cc --min D --show-complexity app.py benchmarks contracts infra lambda packages rehearsal stacks tests tools training)
  [[ -z $found ]] || {
    echo "$found" >&2
    return 1
  }
}

gate "ruff format" ruff format --quiet --check .
gate "ruff check" ruff check --quiet .
gate "complexity" simple
gate "mypy" mypy --no-error-summary
# shellcheck disable=SC2046  # a list of file names without spaces
gate "shellcheck" shellcheck $(scripts)
gate "workflows" check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
gate "zizmor" zizmor --offline --quiet --no-progress .github
exit "$failed"
