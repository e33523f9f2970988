#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The share of lines that the tests ran, and its floor for each part. Raise a floor when a part is above it.
set -u
cd "$(dirname "$0")/.." || exit 1
export PATH="$PWD/.venv/bin:$PATH"
failed=0

# What programs wrote after pytest combined the rest is added to it; mostly there is nothing left.
coverage combine --append --quiet .build/coverage > /dev/null 2>&1 || true
floor() { # PART PERCENT
  local report
  if ! report=$(coverage report --include="$1/*" --fail-under="$2" --precision=1); then
    echo "$report" >&2
    failed=1
  fi
  printf '  coverage of %-10s %s (floor: %s%%)\n' "$1" "$(awk '$1 == "TOTAL" {print $NF}' <<< "$report")" "$2"
}

floor contracts 95
floor infra 95
floor lambda 90
exit "$failed"
