#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The steps of the generic component. The recipe stays a line each, because a nucleus lite cuts a
# script off at the first brace that it does not know.
#
#   sh start.sh prepare FOLDER    as root: make the model folder for the component's user; see that
#                                 this box can load the program
#   sh start.sh run               run the program until it is stopped
#
# Exit status: what the program's is; 3 where this box cannot run it, with the reason.
set -eu

# What `prepare` loads as root reports nothing either (contracts/silence.py).
export ORT_DISABLE_TELEMETRY="${ORT_DISABLE_TELEMETRY:-1}"

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
needed=3.11

fail() {
  echo "binsight: $*" >&2
  exit 3
}

# The native packages in this artifact are built for exactly this Python.
find_python() {
  seen=
  for candidate in "${BINSIGHT_PYTHON:-}" python$needed /usr/local/bin/python$needed \
    /usr/bin/python$needed /opt/python$needed/bin/python$needed python3 python; do
    [ -n "$candidate" ] || continue
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
      continue
    if [ "$version" = "$needed" ]; then
      python=$candidate
      return
    fi
    seen="$seen $candidate is $version;"
  done
  fail "needs Python $needed, which its packages are built for:${seen:- no Python was found;}" \
    "install python$needed (Debian 12 has it as python3), or name it in BINSIGHT_PYTHON"
}

prepare() {
  folder=$1
  find_python
  cd "$here"
  problem=$("$python" -s -c 'import sqlite3, ssl, numpy, onnxruntime, simplejpeg, awscrt' 2>&1) ||
    fail "its packages do not load on this box ($(uname -m), glibc 2.28 or newer is needed):" \
      "$(printf '%s' "$problem" | tail -n 1)"
  if [ ! -d "$folder" ]; then
    umask 022
    mkdir -p "$folder" || fail "cannot make the model folder $folder"
    # Artifacts belong to the user that components run as.
    [ "$(id -u)" != 0 ] || chown "$(stat -c %u:%g "$here")" "$folder" ||
      fail "cannot give the model folder $folder to the components' user"
  fi
  echo "binsight: $("$python" --version) at $(command -v "$python"), models in $folder"
}

run() {
  find_python
  exec "$python" -s -u "$here/camera_component.py"
}

case "${1:-}" in
  prepare) prepare "${2:?FOLDER}" ;;
  run) run ;;
  *) fail "start.sh ${1:-}: prepare FOLDER, or run" ;;
esac
