"""A second model beside the one in use, as an operator meets it."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.bench.cost import children
from tests.support.access import signed_in_client
from tests.support.running import api, complete, upload
from tests.support.toys import relabelled
from tests.support.waiting import wait_for
from web.local.temporary import running_system
from worker.records.images import ResultRole
from worker.store import Store

FILMS = 6


def test_the_model_page_says_how_far_a_shadow_agrees(tmp_path, toy_artifact, chest):
    active = toy_artifact(name="three")
    # The same weights, so the same order of probabilities: another label for each film.
    shadow = relabelled(active, tmp_path / "turned", "NORMAL", "PNEUMONIA", "COVID19")
    environment = {"CXR_ARTIFACT": str(active), "CXR_SHADOW_ARTIFACT": str(shadow)}
    with running_system(tmp_path / "home", "--workers", "2", **environment) as stack:
        job = upload(stack, *[chest] * FILMS)
        wait_for(lambda: complete(stack, job), timeout_s=60)
        browser = signed_in_client(stack.url, stack.token)

        def text_of_page() -> str:
            return " ".join(re.sub(r"<[^>]+>", " ", browser.get("/model").text).split())

        def compares(films: int) -> bool:
            said = f"turned-0.0.1 beside three-0.0.1 {films} films that both classified."
            return f"{said} Same label: 0.00" in text_of_page()

        wait_for(lambda: compares(FILMS), timeout_s=60, every_s=0.3)
        store = Store(f"sqlite:///{stack.home / 'cxr.db'}")

        def shadow_says(films: int) -> bool:
            found = [one for one in store.workers_overview() if one.role is ResultRole.SHADOW]
            said = [(one.model, one.processed) for one in found if one.is_up]
            return said == [("turned-0.0.1", films)]

        wait_for(lambda: shadow_says(FILMS), timeout_s=60, every_s=0.3)
        assert {one.model for one in store.workers_up()} == {"three-0.0.1"}
        store.close()
        os.kill(children(stack)["shadow"], signal.SIGKILL)
        job = upload(stack, *[chest] * FILMS)
        wait_for(lambda: complete(stack, job), timeout_s=60)
        wait_for(lambda: compares(2 * FILMS), timeout_s=60, every_s=0.3)
        everything = api(stack).get("/images").json()["items"]
        assert {image["result"]["model"] for image in everything} == {"three-0.0.1"}
        differing = api(stack).get("/images", params={"differs_from": "turned-0.0.1"})
        assert differing.json()["items"] == everything
        assert len(everything) == 2 * FILMS
        log = (stack.home / "logs" / "shadow.log").read_text()
    assert "Traceback" not in log
    assert "the shadow" not in log


@pytest.mark.parametrize(("command", "queue"), [("up", ""), ("worker", "redis://127.0.0.1:1/0")])
def test_a_shadow_that_cannot_be_used_is_one_clear_sentence(tmp_path, command, queue):
    done = subprocess.run(
        [sys.executable, "-m", "cxr", command],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **os.environ,
            "CXR_HOME": str(tmp_path / "home"),
            "CXR_PORT": "0",
            "REDIS_URL": queue,
            "CXR_SHADOW_ARTIFACT": str(tmp_path / "nothing here"),
        },
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: CXR_SHADOW_ARTIFACT must be the folder of a model.")
    assert str(tmp_path / "nothing here") in done.stderr
    assert done.stderr.count("\n") == 1
