#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resolve the dependency groups of pyproject.toml into requirement files with digests, for all platforms and every
# supported Python. One environment holds the groups of the first chain, so each is resolved within the ones before.
# Pins stay as they are unless you pass --upgrade or --upgrade-package NAME. Why no uv.lock: docs/adr/0013.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

compile() { # LOCK SOURCE...: the rest are options
  echo "  $1"
  uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
    --no-annotate --no-header --overrides requirements/overrides.txt -o "$1" "${@:2}"
}

compile requirements/runtime.txt pyproject.toml "$@"
within=(-c requirements/runtime.txt)
for group in node rehearsal train install dev; do
  compile "requirements/$group.txt" --group "pyproject.toml:$group" "${within[@]}" "$@"
  within+=(-c "requirements/$group.txt")
done
# Environments of their own: the notebook's, the camera's, the training container's.
compile requirements/sdk.txt --group pyproject.toml:sdk "$@"
compile lambda/inference/requirements.txt --group pyproject.toml:camera "$@"
compile training/requirements.txt --group pyproject.toml:container "$@"
# Without what they need: the container asks for these by name before it installs anything.
uv pip compile --quiet --universal --python-version 3.11 --no-deps --no-annotate --no-header \
  --group pyproject.toml:container -o training/requirements.in
