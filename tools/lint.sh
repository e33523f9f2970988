#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The fast gates, shared by people, `make test` and CI. They run at the same time; what each printed is shown in
# order. Every gate runs even if another one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
export PATH="$PWD/.venv/bin:$PATH"
names=() running=()
printed=$(mktemp -d)
trap 'rm -rf "$printed"' EXIT

# Each gate is a process group of its own (set -m), which an interruption ends.
# shellcheck disable=SC2329  # called by the trap
stop() {
  local group
  exec 2> /dev/null # the shell would report each group that ended
  for group in "${running[@]}"; do kill -- "-$group"; done
  exit 130
}
set -m
trap stop INT TERM

gate() {
  local name=$1
  shift
  names+=("$name")
  {
    if "$@"; then
      printf '  %-12s ok\n' "$name"
    else
      printf '  %-12s FAILED: %s\n' "$name" "$*"
      false
    fi
  } > "$printed/$name" 2>&1 &
  running+=($!)
}

# Shows what the gates printed, those that failed on stderr; the status is 1 where one failed.
ended() {
  local failed=0 number
  for number in "${!names[@]}"; do
    if wait "${running[number]}"; then
      cat "$printed/${names[number]}"
    else
      cat "$printed/${names[number]}" >&2
      failed=1
    fi
  done
  return "$failed"
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

gate "mypy" mypy --no-error-summary # the longest first
gate "complexity" simple
gate "ruff format" ruff format --quiet --check .
gate "ruff check" ruff check --quiet .
# shellcheck disable=SC2046  # a list of file names without spaces
gate "shellcheck" shellcheck $(scripts)
gate "workflows" check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
gate "zizmor" zizmor --offline --quiet --no-progress .github
ended
