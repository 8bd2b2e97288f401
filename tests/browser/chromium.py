"""Chromium without a window, driven through two pipes: no library, no port, no network.

The protocol is Chrome DevTools': JSON messages, each ended by a zero byte (`--remote-debugging-pipe`).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Chromium", "Tab", "find_chromium"]

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--headless",
    "--no-sandbox",  # tests run as root in containers, and open only pages of our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
# The browser wants its two pipes at 3 and 4: this puts them there and becomes the browser.
PLUG_IN = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execvp(sys.argv[3], sys.argv[3:])"

# Where on the keyboard a key is matters to no page of ours, but a key without a code is no key press to Chromium.
CODES = {
    "ArrowRight": 39,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowDown": 40,
    "Home": 36,
    "End": 35,
    "Escape": 27,
    "Enter": 13,
    "Tab": 9,
}


def find_chromium() -> str | None:
    """The program, None where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One browser; as a context it ends with the block."""

    def __init__(self, program: str, profile: Path) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        os.set_blocking(self._in, True)
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                PLUG_IN,
                str(to_browser),
                str(from_browser),
                program,
                *SWITCHES,
                f"--user-data-dir={profile}",
            ],
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._out)  # the browser ends when nobody talks to it any more
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)

    def ask(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """The browser's answer to a command. Raises RuntimeError if it refuses or is gone."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            said = self._listen()
            if said.get("id") == self._number:
                break
            self.events.append(said)
        if "error" in said:
            raise RuntimeError(f"{method}: {said['error']}")
        answer: dict[str, Any] = said["result"]
        return answer

    def wait_for(self, method: str, session: str) -> None:
        """Until the browser has told of this event."""
        while True:
            for said in self.events:
                if said.get("method") == method and said.get("sessionId") == session:
                    self.events.remove(said)
                    return
            self.events.append(self._listen())

    def _listen(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._in, 1 << 20)
            if not more:
                raise RuntimeError("the browser is gone")
            self._buffer += more
        message, self._buffer = self._buffer.split(b"\0", 1)
        said: dict[str, Any] = json.loads(message)
        return said

    def open(self, page: Path, *, width: int = 1280, height: int = 800, **media: str) -> Tab:
        """A page from disk in a new tab; `media` are features such as prefers_color_scheme="dark"."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, target, session)
        tab.resize(width, height)
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.ask("Emulation.setEmulatedMedia", session, features=features)
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.ask(f"{domain}.enable", session)
        self.events.clear()
        self.ask("Page.navigate", session, url=page.as_uri())
        self.wait_for("Page.loadEventFired", session)
        return tab


class Tab:
    """One page, open."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self._browser = browser
        self._target = target
        self._session = session

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.ask(method, self._session, **parameters)

    def close(self) -> None:
        """Shut it."""
        self._browser.ask("Target.closeTarget", targetId=self._target)

    def resize(self, width: int, height: int) -> None:
        """The size of the window's inside, in CSS pixels."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def value(self, script: str) -> Any:
        """What an expression is worth in the page. Raises RuntimeError if it throws."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def comes_true(self, script: str) -> bool:
        """Is an expression true, or within ten seconds?"""
        waiting = f"""new Promise((tell) => {{
            const start = performance.now();
            (function look() {{
                const found = Boolean({script});
                found || performance.now() - start > 10000 ? tell(found) : setTimeout(look, 10);
            }})();
        }})"""
        return bool(self.value(waiting))

    def text(self, selector: str) -> str:
        """What can be read in an element."""
        return str(self.value(f"document.querySelector({json.dumps(selector)}).innerText"))

    def texts(self, selector: str) -> list[str]:
        """What can be read in each of these elements."""
        found = self.value(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText)"
        )
        return [str(one) for one in found]

    def press(self, *keys: str) -> None:
        """Press and release keys, one after the other: "n", "Home", "ArrowRight"."""
        for key in keys:
            known = {"key": key, "windowsVirtualKeyCode": CODES.get(key, ord(key[0].upper()))}
            text = "\r" if key == "Enter" else key
            written = {"text": text} if len(text) == 1 else {}
            self._ask("Input.dispatchKeyEvent", type="keyDown", **known, **written)
            self._ask("Input.dispatchKeyEvent", type="keyUp", **known)

    def click(self, selector: str) -> None:
        """As a mouse would."""
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def spoken(self) -> list[tuple[str, str]]:
        """What a screen reader is told: the role and the name of everything that has both."""
        nodes = self._ask("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node["name"]["value"])
            for node in nodes
            if not node.get("ignored") and node.get("name", {}).get("value")
        ]

    def complaints(self) -> list[str]:
        """Errors and refusals that the browser has told of since the page was opened."""
        self.value("1")  # what came before this answer has been heard
        return [
            json.dumps(said["params"])
            for said in self._browser.events
            if said.get("sessionId") == self._session
            and said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
        ]

    def requests(self) -> list[str]:
        """Addresses of everything that was loaded."""
        self.value("1")
        return [
            str(said["params"]["request"]["url"])
            for said in self._browser.events
            if said.get("sessionId") == self._session and said.get("method") == "Network.requestWillBeSent"
        ]

    def print_media(self) -> None:
        """Show the page as it is printed."""
        self._ask("Emulation.setEmulatedMedia", media="print")

    def picture(self, path: Path) -> None:
        """A PNG of what is seen."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))
