"""Firefox over WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which it speaks by itself:
no driver is needed. Playwright's own Firefox is not Debian's, and asks more of it than it knows."""

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("firefox-esr", "firefox")
START_S = 60
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


def firefox_path() -> str | None:
    """CXR_FIREFOX, or the one of this machine."""
    return os.environ.get("CXR_FIREFOX") or next(filter(None, map(shutil.which, NAMES)), None)


class Firefox:
    """One window. What a script throws is raised as an AssertionError."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        self._ask("session.new", capabilities={})
        self._ask("session.subscribe", events=["log.entryAdded"])
        self._window = self._ask("browsingContext.create", type="tab")["context"]

    def set_size(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self._ask("browsingContext.setViewport", context=self._window, viewport=size)

    def goto(self, url: str) -> None:
        self._ask("browsingContext.navigate", context=self._window, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """A text, a number or a truth value."""
        found = self._ask(
            "script.evaluate",
            expression=expression,
            target={"context": self._window},
            awaitPromise=True,
        )
        if found["type"] == "exception":
            raise AssertionError(f"{expression}: {found['exceptionDetails']['text']}")
        return found["result"].get("value")

    def wait_for(self, expression: str, timeout_s: float = 60.0) -> None:
        """Until it is true, also across pages."""
        until = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(AssertionError):  # the page is on its way
                if self.evaluate(expression):
                    return
            if time.monotonic() > until:
                page = self.evaluate("location.href + ' ' + document.body.innerText")
                raise AssertionError(f"Not within {timeout_s} s: {expression}. The page: {page}")
            time.sleep(0.1)

    def choose_files(self, selector: str, files: Sequence[Path]) -> None:
        found = self._ask(
            "browsingContext.locateNodes",
            context=self._window,
            locator={"type": "css", "value": selector},
        )
        element = {"sharedId": found["nodes"][0]["sharedId"]}
        paths = [str(file) for file in files]
        self._ask("input.setFiles", context=self._window, element=element, files=paths)

    def press(self, key: str) -> None:
        pressed = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": pressed}
        self._ask("input.performActions", context=self._window, actions=[keyboard])

    def _ask(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._line.recv(timeout=120))
            if said.get("id") == number:
                break
            entry = said.get("params", {})
            if said.get("method") == "log.entryAdded" and entry.get("level") == "error":
                self.errors.append(entry.get("text", ""))
        if said["type"] == "error":
            raise AssertionError(f"{method}: {said['message']}")
        return said["result"]


@contextlib.contextmanager
def running_firefox(path: str, profile: Path) -> Iterator[Firefox]:
    """A window of a new Firefox with an empty profile, which calls nobody."""
    settings = {
        "app.update.enabled": False,
        "browser.region.network.url": "",
        "datareporting.policy.dataSubmissionEnabled": False,
        "extensions.update.enabled": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "services.settings.server": "",
        "toolkit.telemetry.enabled": False,
    }
    lines = (
        f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in settings.items()
    )
    (profile / "user.js").write_text("\n".join(lines))
    command = [path, "--headless", "--no-remote", "--profile", str(profile)]
    log = profile / "stderr"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--remote-debugging-port", "0", "about:blank"],
            stdout=errors,
            stderr=errors,
            env=os.environ | {"HOME": str(profile), "MOZ_HEADLESS": "1"},
        )
    try:
        until = time.monotonic() + START_S
        while not (listens := LISTENS.search(log.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"Firefox does not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.1)
        with connect(f"{listens[1]}/session", max_size=None, open_timeout=START_S) as line:
            yield Firefox(line)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
