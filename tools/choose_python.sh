#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Print the Python that installs and runs Binsight: the one given, else that of .venv, else the first supported one
# on the path. 3.11 comes first, because it is what the cameras and the Lambda functions run.
supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
if [ -n "$1" ]; then
  set -- "$1"
else
  set -- .venv/bin/python python3.11 python3.13 python3.12 python3 python
fi
found=
for candidate in "$@"; do
  if "$candidate" -c "$supported" > /dev/null 2>&1; then
    command -v "$candidate"
    exit 0
  fi
  version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null) || continue
  found="${found:+$found, }$candidate is $version"
done
echo "Binsight needs Python 3.11, 3.12 or 3.13${found:+ ($found)}: install one, or name it: make PYTHON=/path/to/python3.11" >&2
exit 1
