"""A server that is stopped while requests are in work."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.door import serving
from tests.support.waiting import wait_for
from web.door.limits import Limits

# The door itself, on a port of its own, and clients that take their time.
pytestmark = pytest.mark.server


@pytest.mark.parametrize("upload", [False, True])
def test_what_takes_longer_than_the_stop_is_told_to_come_again(caplog, upload):
    caplog.set_level(logging.ERROR)
    begun, released = threading.Event(), threading.Event()

    def app(environ: dict, start) -> list[bytes]:
        begun.set()
        released.wait(20)
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    content = bytes(2_000_000) if upload else b""
    with ThreadPoolExecutor(1) as asking, serving(app, Limits(stop_s=0.2)) as (server, url):
        answer = asking.submit(httpx.post, f"{url}/api/v1/jobs", content=content, timeout=20)
        wait_for(begun.is_set)
        server.should_exit = True
        try:
            told = answer.result(10)
        finally:
            released.set()
    assert (told.status_code, told.json()["code"]) == (503, "stopping")
    assert told.headers["retry-after"]
    assert "Traceback" not in caplog.text
