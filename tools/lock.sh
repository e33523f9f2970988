#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resolve every *.in into its lock, digests included, for all platforms. Locks build on each other
# in this order, because one environment holds them all.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export PATH="$PWD/.venv/bin:$PATH"

compile() {
  echo "  $1"
  uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
    --no-annotate --no-header --overrides "$root/requirements/overrides.txt" "$1" -o "${1%.in}.txt" "${@:2}"
}

cd requirements
for lock in runtime node rehearsal train dev; do
  compile "$lock.in" "$@"
done
# Not part of the environment that the others share.
compile sdk.in "$@"
cd ..
compile lambda/inference/requirements.in "$@"
compile training/requirements.in "$@"
