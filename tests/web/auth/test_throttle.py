"""Guesses and floods meet 429, counted on a real queue's server and without it."""

import io
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from tests.support.access import PASSWORD, TOKEN, sign_in
from tests.support.results import failed, rejected
from tests.support.rows import create_job, new_images
from web.app import create_app
from web.auth.throttle import OneAtATime
from worker.access import Role
from worker.passwords import hashed
from worker.settings import Settings

ORIGIN = {"Origin": "http://localhost"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(params=["on the queue's server", "without it"])
def reachable(request, settings) -> Settings:
    """Settings of a web server whose queue's server is there, or is not."""
    if request.param == "without it":
        return settings
    return replace(settings, redis_url=request.getfixturevalue("valkey_url"))


@pytest.fixture
def start(store):
    """Starts a web server with changed settings."""
    apps = []

    def make(settings: Settings, **changes):
        apps.append(create_app(replace(settings, **changes)))
        return apps[-1].test_client()

    yield make
    for app in apps:
        app.extensions["cxr"].painter.close()
        app.extensions["cxr"].store.close()


@pytest.fixture
def maria(store) -> None:
    link = store.link(store.invite("default", [Role.READER]))
    store.accept_invitation(link.id, "maria", hashed(PASSWORD))


def statuses(ask, times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_wrong_tokens_are_refused_ever_more_and_a_right_one_passes(start, reachable, caplog):
    visitor = start(reachable)
    wrong = {"Authorization": "Bearer guessed"}
    found = statuses(lambda: visitor.get("/api/v1/jobs", headers=wrong), 80)
    assert found[:60] == [401] * 60
    assert found[60:] == [429] * 20
    answer = visitor.get("/api/v1/jobs", headers=wrong)
    assert 0 < int(answer.headers["Retry-After"]) <= 61  # rounded up
    assert answer.json["code"] == "too_many_requests"
    assert caplog.text.count("Refused a token") == 81
    assert visitor.get("/api/v1/jobs", headers=BEARER).status_code == 200
    assert sign_in(visitor, "guessed").status_code == 429
    assert sign_in(visitor).status_code == 303


def test_passwords_are_tried_ten_times_by_name(start, reachable, maria):
    visitor = start(reachable)

    def enter(name: str = "maria", password: str = "wrong"):
        form = {"name": name, "password": password}
        return visitor.post("/sign-in", data=form, headers=ORIGIN)

    assert statuses(enter, 12) == [403] * 10 + [429] * 2
    refused = enter("MARIA", PASSWORD)
    assert refused.status_code == 429
    assert "Try again in" in refused.text
    assert 0 < int(refused.headers["Retry-After"]) <= 301
    assert enter("john").status_code == 403


@pytest.mark.slow
def test_counts_of_many_threads_at_once_are_all_kept():
    """Its timer ends after 10 ms, and whoever counts next starts it anew: eight at once here."""
    counts, rounds, together = OneAtATime(), 100, Barrier(8)

    def count(_):
        for _ in range(rounds):
            time.sleep(0.012)
            together.wait()
            counts.incr("token", 60)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(count, range(8)))
    finally:
        sys.setswitchinterval(usual)
    assert counts.get("token") == 8 * rounds


def test_many_names_from_one_address_are_throttled_too(start, settings):
    visitor = start(settings)
    names = iter(range(100))

    def enter():
        form = {"name": f"name {next(names)}", "password": "wrong"}
        return visitor.post("/sign-in", data=form, headers=ORIGIN)

    assert statuses(enter, 32) == [403] * 30 + [429] * 2


def test_a_token_has_its_rate_and_others_have_theirs(start, store, reachable):
    other = {"Authorization": f"Bearer {store.create_token('default', ['read'])[1]}"}
    visitor = start(reachable, max_requests_per_minute=5)
    found = statuses(lambda: visitor.get("/api/v1/jobs", headers=BEARER), 7)
    assert found == [200] * 5 + [429] * 2
    assert visitor.get("/api/v1/jobs", headers=other).status_code == 200
    assert statuses(lambda: visitor.get("/healthz"), 7) == [200] * 7


def test_two_web_servers_count_together(start, store, settings, valkey_url):
    one, other = (
        start(settings, redis_url=valkey_url, max_requests_per_minute=4) for _ in range(2)
    )
    for browser in (one, other, one, other):
        assert browser.get("/api/v1/jobs", headers=BEARER).status_code == 200
    assert one.get("/api/v1/jobs", headers=BEARER).status_code == 429


def test_tokens_of_one_clinic_have_a_rate_together(start, store, reachable):
    tokens = [store.create_token("default", ["read"])[1] for _ in range(3)]
    elsewhere = store.create_token("another", ["read"])[1]
    visitor = start(reachable, max_requests_per_minute=5, max_clinic_requests_per_minute=9)

    def ask(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return visitor.get("/api/v1/jobs", headers=headers).status_code

    found = [ask(token) for token in tokens for _ in range(4)]
    assert found == [200] * 9 + [429] * 3
    assert ask(elsewhere) == 200


def test_bytes_of_a_token_and_of_its_clinic_are_counted_as_they_come(start, store, reachable):
    """In megabytes of bodies, however they come: one token has its share, the clinic its own."""
    tokens = [store.create_token("default", ["upload"])[1] for _ in range(3)]
    elsewhere = store.create_token("another", ["upload"])[1]
    visitor = start(reachable, max_upload_mb_per_hour=3, max_clinic_upload_mb_per_hour=5)

    def send(token: str, megabytes: float, **more):
        file = (io.BytesIO(b"x" * round(megabytes * 1_000_000)), "a.png")
        headers = {"Authorization": f"Bearer {token}"}
        return visitor.post("/api/v1/jobs", data={"files": file}, headers=headers, **more)

    for _ in range(10):
        assert send(tokens[0], 0.2).status_code == 202
    refused = send(tokens[0], 1.5)
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_requests")
    assert "3 MB that one of the tokens may send in an hour" in refused.json["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= 3601
    assert send(tokens[1], 0.5).status_code == 202
    refused = send(tokens[2], 2.9)
    assert "5 MB that one of the clinics may send" in refused.json["detail"]
    assert send(elsewhere, 2).status_code == 202
    # Whoever may send nothing more may still look.
    looking = {"Authorization": f"Bearer {tokens[0]}"}
    assert visitor.get("/api/v1/jobs", headers=looking).status_code == 200
    assert store.jobs(1).items[0].counts.total == 1, "what was refused left nothing"
    assert len(store.jobs(1).items) == 11


def test_a_clinic_may_not_fill_the_disk_for_the_others(start, store, settings, clinic):
    visitor = start(settings, max_stored_mb=2)
    elsewhere = store.create_token("another", ["upload"])[1]

    def send(token: str, *megabytes: float):
        files = [(io.BytesIO(b"x" * round(1_000_000 * one)), "a.png") for one in megabytes]
        headers = {"Authorization": f"Bearer {token}"}
        return visitor.post("/api/v1/jobs", data={"files": files}, headers=headers)

    assert send(TOKEN, 0.7, 0.7).status_code == 202
    refused = send(TOKEN, 0.3, 0.5)
    assert (refused.status_code, refused.json["code"]) == (507, "quota_reached")
    assert "take 2 MB, and at most 2 MB may be stored" in refused.json["detail"]
    assert store.stored_bytes(clinic.id) == 1_400_000, "what was refused left nothing"
    assert send(elsewhere, 1.5).status_code == 202
    assert send(TOKEN, 0.6).status_code == 202
    assert send(TOKEN, 0.001).status_code == 507
    assert visitor.delete("/api/v1/jobs/1", headers=BEARER).status_code == 204
    assert send(TOKEN, 1).status_code == 202, "what is deleted makes room"


@pytest.fixture
def full(start, settings):
    return start(settings, max_waiting_images=3)


def test_a_clinic_whose_images_wait_sends_more_later(full, store, upload_to):
    assert upload_to(full, 2).status_code == 202
    refused = upload_to(full, 2)
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_waiting")
    assert refused.headers["Retry-After"] == "60"
    assert [job.counts.total for job in store.jobs(1).items] == [2]
    store.ensure_clinic("another", "a-token-of-another-clinic")
    assert upload_to(full, 3, "a-token-of-another-clinic").status_code == 202
    assert upload_to(full, 1).status_code == 202
    assert upload_to(full, 1).status_code == 429
    store.cancel_job(1, 1)
    assert upload_to(full, 2).status_code == 202


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("jobs/1/resume", None),
        ("jobs/1/retry", None),
        ("images/retry", {"images": [1, 2, 3, 4]}),
        ("images/4/classify-anyway", None),
    ],
)
def test_what_waits_again_counts_as_waiting(full, store, clinic, path, body):
    """Of the first job one image failed, one is cancelled, one runs, and the gate refused one."""
    create_job(store, clinic.id, "first", new_images(4))
    store.cancel_images(clinic.id, [2])
    store.save([failed(store.claim(1, lease_s=60)[0])])  # image 1
    _, fourth = store.claim(2, lease_s=60)
    store.save([rejected(fourth)])
    create_job(store, clinic.id, "second", new_images(3))

    def ask():
        return full.post(f"/api/v1/{path}", json=body, headers=BEARER)

    before = list(store.all_images(clinic.id, 1))
    refused = ask()
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_waiting"), refused.json
    assert refused.headers["Retry-After"] == "60"
    said = "3 images of your clinic wait, 1 would be added, and at most 3 may wait. Try again when"
    assert said in refused.json["detail"]
    assert list(store.all_images(clinic.id, 1)) == before
    store.cancel_job(clinic.id, 2)
    assert ask().status_code == 200
    assert store.job(clinic.id, 1).counts.waiting == 1


@pytest.fixture
def upload_to():
    def send(browser, count: int, token: str = TOKEN):
        files = [(io.BytesIO(b"x"), f"{number}.png") for number in range(count)]
        headers = {"Authorization": f"Bearer {token}"}
        return browser.post("/api/v1/jobs", data={"files": files}, headers=headers)

    return send
