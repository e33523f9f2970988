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
export ORT_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_TELEMETRY=1 OMP_WAIT_POLICY=PASSIVE

# CUDA's compatibility libraries of the image, where the machine's driver is older than they are.
# The image's own entry point, which is not used here, means to do the same.
compat=${CUDA_HOME:-/usr/local/cuda}/compat
if [[ -e $compat/libcuda.so.1 ]] && command -v nvidia-smi >/dev/null; then
  newest=$(basename "$(readlink -f "$compat/libcuda.so.1")" | cut -d. -f3-)
  driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader --id=0 2>/dev/null || true)
  oldest=$(printf '%s\n%s\n' "$driver" "$newest" | sort -V | head -n 1)
  if [[ -n $driver && $driver != "$newest" && $oldest == "$driver" ]]; then
    echo "driver $driver: CUDA's compatibility libraries ($newest) are used"
    export LD_LIBRARY_PATH=$compat${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  fi
fi

if ! python3 training/check_requirements.py; then
  # The image's environment has a pip; one made by other tools may not.
  python3 -m pip --version >/dev/null 2>&1 || python3 -m ensurepip >/dev/null
  # The lock holds every dependency with its digest, so pip need not resolve anything.
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
    --no-deps --require-hashes --requirement training/requirements.txt
fi

# Train runs on all GPUs and instances of its job.
module=$step
if [[ $step == train ]]; then
  module=learning.distributed
else
  # numpy's matrices are small here, and photos are read by threads of our own: more threads for each
  # matrix cost up to seven times the processor.
  export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
fi
# exec: the step itself gets SageMaker's SIGTERM.
exec python3 -m "training.$module" "$@"
