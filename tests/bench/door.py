"""How soon the web server answers beside clients that hold on to it, and beside full-speed uploads.

`python -m tests.bench --only door` puts it in the table.
"""

import contextlib
import http.client
import time

from tests.bench.files import api, submit
from tests.support import crowd
from web.local.temporary import RunningSystem

SILENT, SLOW, FULL_SPEED = 200, 20, 20
PAUSE_S = 0.03


def answer_ms(system: RunningSystem, file, seconds: float = 15.0) -> dict[str, dict[str, list]]:
    """Milliseconds of each `/healthz` (a connection each) and of each poll of a job, idle and
    beside SILENT silent connections, SLOW slow and FULL_SPEED full-speed uploads."""
    with api(system) as client:
        job_id = submit(client, [file])
        idle = _answers(system, client, job_id, seconds / 3)
        with contextlib.ExitStack() as stack:
            stack.enter_context(crowd.silent(system.url, SILENT))
            stack.enter_context(crowd.slow_uploads(system.url, system.token, SLOW))
            stack.enter_context(crowd.full_speed_uploads(system.url, system.token, FULL_SPEED))
            time.sleep(1)
            crowded = _answers(system, client, job_id, seconds)
    return {"idle": idle, "crowded": crowded}


def _answers(system: RunningSystem, client, job_id: int, seconds: float) -> dict[str, list]:
    found: dict[str, list] = {"healthz": [], "poll": []}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        _new_connection(system.url)
        found["healthz"].append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        client.get(f"/jobs/{job_id}").raise_for_status()
        found["poll"].append(1000 * (time.perf_counter() - began))
        time.sleep(PAUSE_S)
    return found


def _new_connection(url: str) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/healthz")
        if connection.getresponse().status != 200:
            raise RuntimeError("The web server does not answer /healthz with 200.")
