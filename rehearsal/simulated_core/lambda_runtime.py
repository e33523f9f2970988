# SPDX-License-Identifier: Apache-2.0
"""What a core device does with a pinned Lambda: import its module, then stay.

Run as a script by an interpreter that sees nothing but the function's own package:
``python -I -S lambda_runtime.py FOLDER MODULE.FUNCTION``.
"""

import atexit
import importlib
import signal
import sys
import time


def main() -> None:
    """Import the handler as the Lambda runtime does and wait for SIGTERM."""
    folder, handler = sys.argv[1:]
    # A device has no terminal: Ctrl-C of the rehearsal reaches the core, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    # While Python exits it gives signals their default action back: the next one would kill.
    atexit.register(signal.signal, signal.SIGTERM, signal.SIG_IGN)
    sys.path.insert(0, folder)
    module, function = handler.rsplit(".", 1)
    started = time.monotonic()
    entry = getattr(importlib.import_module(module), function)
    print(f"imported {handler} in {time.monotonic() - started:.2f} s", flush=True)
    if not callable(entry):
        raise TypeError(f"{handler} is not callable")
    while True:
        time.sleep(3600)


def _end(_number: int, _frame: object) -> None:
    # Not SIG_IGN: Python reports a signal that is pending at this moment as an error.
    signal.signal(signal.SIGTERM, lambda *_: None)
    sys.exit(0)


if __name__ == "__main__":
    main()
