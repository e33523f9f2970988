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
    # Short waits: a signal that arrives just before one does not interrupt it. And Python may have
    # ignored the exception, in a __del__ for example.
    while not _asked:
        time.sleep(1)


_asked = False


def _end(_number: int, _frame: object) -> None:
    global _asked  # noqa: PLW0603 - one process has one SIGTERM
    if not _asked:
        _asked = True
        sys.exit(0)


if __name__ == "__main__":
    main()
