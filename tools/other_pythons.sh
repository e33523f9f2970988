#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Try the oldest and the newest supported Python of this machine, other than the one of .venv: install into a copy of
# this checkout and run a quick part of the tests. Copies stay in .build/pythons, so that a second run is quick.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=(tests/contracts tests/tools/test_pip_settings.py tests/rehearsal/test_native_packages.py)

# A line "3.13.0 /path/to/python" for each supported version, the oldest first.
found() {
  local candidate
  for candidate in /usr/bin/python3.1{1,2,3} /usr/local/bin/python3.1{1,2,3} \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python /opt/hostedtoolcache/Python/*/*/bin/python; do
    [[ -x $candidate ]] || continue
    "$candidate" -c 'import sys, ensurepip
if (3, 11) <= sys.version_info[:2] <= (3, 13): print("%d.%d.%d" % sys.version_info[:3], sys.executable)' 2> /dev/null || true
  done | sort -V -u -k 1,1
}

try() { # VERSION PYTHON
  local copy=.build/pythons/$1
  mkdir -p "$copy"
  find "$copy" -mindepth 1 -maxdepth 1 ! -name .venv ! -name node_modules ! -name .build -exec rm -rf {} +
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ ! -f $file ]] || printf '%s\0' "$file"
  done | xargs -0 cp --parents -t "$copy"
  (
    cd "$copy"
    "$2" -m tools.install runtime rehearsal train dev
    .venv/bin/python -m compileall -q app.py contracts infra lambda packages rehearsal stacks tools training
    .venv/bin/python -m pytest -q "${tests[@]}"
  )
}

ours=$(.venv/bin/python -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
pythons=$(found | grep -v "^$ours " || true)
if [[ -z $pythons ]]; then
  echo "pythons: this machine has no supported Python besides $ours"
  exit 0
fi
{ head -n 1 <<< "$pythons"; tail -n 1 <<< "$pythons"; } | sort -u | while read -r version python; do
  echo "pythons: $version ($python)"
  try "$version" "$python" < /dev/null
done
