# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, spoken to through its debugging pipe: no driver, no package."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def program() -> str | None:
    """The browser that this machine has."""
    named = os.environ.get("BINSIGHT_CHROMIUM")
    return named or next(filter(None, map(shutil.which, PROGRAMS)), None)


class BrowserError(Exception):
    """The browser refused a call or ended."""


class ScriptError(BrowserError):
    """JavaScript that failed."""


class Page:
    """One tab. ``failures`` collects what the page's own console calls errors."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to, self._from = to_browser, from_browser
        self._pending = b""
        self._number = 0
        self._session: str | None = None
        self.failures: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str, *, width: int, height: int, mobile: bool = False) -> None:
        """Load an address in a window of this size."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )
        self._call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is in the page."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise ScriptError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, expression: str, *, seconds: float = 20) -> Any:
        """The first true value of an expression."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # Fails as long as the page that it is about is not there yet.
            with contextlib.suppress(ScriptError):
                if value := self.value(expression):
                    return value
            time.sleep(0.1)
        raise TimeoutError(f"not within {seconds} s: {expression}")

    def press(self, key: str) -> None:
        """A key on the keyboard: Tab, Enter, or a letter, digit or space."""
        codes = {"Tab": 9, "Enter": 13}
        typed = {"Tab": "", "Enter": "\r"}.get(key, key)
        text = {"text": typed} if typed else {}
        for kind in ("keyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes.get(key) or ord(key.upper()),
                **(text if kind == "keyDown" else {}),
            )

    def screenshot(self, path: Path, *, size: tuple[int, int] | None = None) -> bytes:
        """A PNG of the whole page, or of its upper left ``size`` (width, height) in pixels."""
        clip = {}
        if size is not None:
            clip = {"clip": {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}}
        answer = self._call(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, **clip
        )
        content = base64.b64decode(answer["data"])
        path.write_bytes(content)
        return content

    def accessibility(self) -> list[tuple[str, str]]:
        """What a screen reader finds: roles and names."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node.get("ignored")
        ]

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        details = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.failures.append(str(details["exceptionDetails"]))
        if event.get("method") == "Log.entryAdded" and details["entry"]["level"] == "error":
            self.failures.append(details["entry"]["text"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            chunk = os.read(self._from, 1 << 16)
            if not chunk:
                raise BrowserError("the browser ended")
            self._pending += chunk
        first, self._pending = self._pending.split(b"\0", 1)
        message: dict[str, Any] = json.loads(first)
        return message


@contextlib.contextmanager
def browser(executable: str) -> Iterator[Page]:
    """A browser with an empty profile, ended with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        inner_read, to_browser = os.pipe()
        from_browser, inner_write = os.pipe()
        # The pipe's ends must be descriptors 3 and 4 in the browser.
        script = f'exec "$@" 3<&{inner_read} 4>&{inner_write}'
        arguments = [
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run"),
        ]
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", executable, *arguments],
            pass_fds=(inner_read, inner_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(inner_read)
        os.close(inner_write)
        try:
            yield Page(to_browser, from_browser)
        finally:
            os.close(to_browser)
            os.close(from_browser)
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
