#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs one step of the pipeline in its container: entrypoint.sh prepare|train|evaluate [options]
set -euo pipefail

usage() {
  echo "usage: entrypoint.sh prepare|train|evaluate [options]; got: ${1:-nothing}" >&2
  exit 2
}

step=${1:-}
case "$step" in
  prepare | train | evaluate) shift ;;
  *) usage "$step" ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# Nobody's use is reported, and waiting threads leave the processor to others.
export HF_HUB_DISABLE_TELEMETRY=1 OMP_WAIT_POLICY=PASSIVE

if ! python3 training/installed.py; then
  # The lock holds every dependency with its digest, so pip need not resolve anything.
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --no-deps --require-hashes --requirement training/requirements.txt
fi

# Train runs on all GPUs and instances of its job.
module=$step
if [[ $step == train ]]; then
  module=learning.launch
fi
# exec: the step itself gets SageMaker's SIGTERM.
exec python3 -m "training.$module" "$@"
