"""`door.later`: an answer that waits for work done elsewhere costs no thread meanwhile."""

from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.support.door import serving
from tests.support.waiting import wait_for
from web.door.door import MAX_ASKED
from web.door.limits import Limits

# The door itself, on a port of its own, and clients that take their time.
pytestmark = pytest.mark.server

ONE_THREAD = Limits(threads=1)


class Waiting:
    """`/later` waits for `work`, each time that it is asked; anything else answers at once."""

    def __init__(self) -> None:
        self.work: list[Future] = [Future()]
        self.asked = self.closed = 0

    def __call__(self, environ: dict, start) -> "Waiting":
        if environ["PATH_INFO"] == "/later":
            self.asked += 1
            if not self.work[-1].done():
                environ["door.later"](self.work[-1])
        start("200 OK", [("Content-Length", "1")])
        return self

    def __iter__(self):
        return iter([str(self.asked).encode()])

    def close(self) -> None:
        self.closed += 1


def test_it_is_asked_again_when_the_work_is_done_and_holds_no_thread_until_then():
    app = Waiting()
    with (
        serving(app, ONE_THREAD) as (_, url),
        httpx.Client(base_url=url) as client,
        ThreadPoolExecutor(1) as asking,
    ):
        answer = asking.submit(client.get, "/later")
        wait_for(lambda: app.closed == 1)
        assert [httpx.get(f"{url}/other").status_code for _ in range(3)] == [200] * 3
        assert not answer.done()
        app.work[-1].set_result(True)
        assert answer.result(10).text == "2"
    assert (app.asked, app.closed) == (2, 5)


def test_work_that_failed_is_the_applications_to_explain():
    app = Waiting()
    app.work[-1].set_exception(ValueError("could not be drawn"))
    with serving(app, ONE_THREAD) as (_, url):
        assert httpx.get(f"{url}/later").text == "1"


def test_what_waits_for_something_each_time_is_asked_a_few_times():
    app = Waiting()
    with serving(app, ONE_THREAD) as (_, url), ThreadPoolExecutor(1) as asking:
        answer = asking.submit(httpx.get, f"{url}/later")
        for number in range(1, MAX_ASKED):
            wait_for(lambda number=number: app.closed == number)
            done, app.work = app.work[-1], [Future()]
            done.set_result(True)
        assert answer.result(10).text == str(MAX_ASKED)
