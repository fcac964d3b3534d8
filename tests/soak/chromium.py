"""A headless Chromium, driven over its debugging protocol, which tells of every request that a page makes."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

__all__ = ["Browser", "chromium", "program"]

_OPTIONS = """
    --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-extensions --remote-debugging-port=0 --window-size=1400,1000
""".split()


def program() -> str | None:
    """Where Chromium is, None where it is not installed."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """One page. `requests` has the URLs that it asked for, `complaints` what its console said."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.loads = 0
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return what it gives; events that come meanwhile are noted."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = self._next(20)
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def _next(self, timeout: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout))
        method, given = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loads += 1
        elif method == "Log.entryAdded":
            self.complaints.append(given["entry"]["text"])
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(json.dumps(given)[:300])
        return message

    def open(self, url: str) -> None:
        """Go to a page, and wait until it is there with all that belongs to it."""
        loads = self.loads
        self.call("Page.navigate", url=url)
        while self.loads == loads:
            self._next(20)

    def ask(self, script: str) -> Any:
        """What an expression comes to on the page."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script: str, seconds: float = 15) -> None:
        """Wait until an expression holds on the page."""
        end = time.monotonic() + seconds
        while not self.ask(script):
            assert time.monotonic() < end, f"{script} never came to hold"
            time.sleep(0.05)


@contextmanager
def chromium(path: str, folder: Path) -> Iterator[Browser]:
    """Start it, with its files in a folder."""
    command = [path, *_OPTIONS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ready = folder / "profile" / "DevToolsActivePort"
        end = time.monotonic() + 30
        while not (ready.exists() and ready.read_text().count("\n")):
            assert process.poll() is None, "Chromium ended at once"
            assert time.monotonic() < end, "Chromium does not come up"
            time.sleep(0.05)
        port, path_of_browser = ready.read_text().splitlines()
        with connect(f"ws://127.0.0.1:{port}{path_of_browser}", max_size=None, proxy=None) as whole:
            whole.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
            pages = json.loads(whole.recv(20))["result"]["targetInfos"]
        target = next(one["targetId"] for one in pages if one["type"] == "page")
        with connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", max_size=None, proxy=None) as socket:
            yield Browser(socket)
    finally:
        process.terminate()
        process.wait(10)
