"""What an operator sees of the whole system: numbers, and nothing of a film."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import update

from tests.support.access import sign_in
from tests.support.permissions import ORIGIN
from tests.support.results import done, failed, rejected, work
from tests.support.rows import create_job, finished_image, new_images, worker_record
from web.app import create_app
from web.showing.operations import REASONS_EVERY_S, _reasons
from worker.access import Scope
from worker.audit import Action
from worker.records.clinics import Retention
from worker.records.images import ResultRole
from worker.records.jobs import JobStatus
from worker.store import DEFAULT_CLINIC
from worker.store.migrations import latest_revision
from worker.store.schema import Worker


@pytest.fixture
def token(store) -> str:
    return store.create_token(DEFAULT_CLINIC, [Scope.OPERATE])[1]


@pytest.fixture
def busy(store, clinic) -> None:
    """A failed and a rejected image, and three that wait, one of them urgent."""
    create_job(store, clinic.id, "Mrs. Example", new_images(4))
    work(store, 1, failed)
    work(store, 1, rejected)
    create_job(store, clinic.id, "urgent", new_images(1), urgent=True)
    store.set_retention(clinic.id, Retention(files=30))
    store.register_worker(worker_record("this"))
    store.beat("this", 20, processed=7, images_per_second=2.5)


def test_the_state_of_the_system_can_be_scripted(app, token, busy, clinic):
    answer = app.test_client().get(
        "/api/v1/operations", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200
    found = answer.json
    (worker,) = found["workers"]
    assert (worker["processed"], worker["images_per_second"], worker["is_up"]) == (7, 2.5, True)
    assert [(one["urgent"], one["images"]) for one in found["waiting"]] == [(True, 1), (False, 2)]
    assert all(one["clinic"] == clinic.name and one["oldest_at"] for one in found["waiting"])
    assert [(one["status"], one["reason"], one["images"]) for one in found["reasons"]] == [
        ("failed", "worker_died", 1),
        ("rejected", "not_a_chest_xray", 1),
    ]
    assert (found["clinics"][0]["keep_files_days"], found["clinics"][0]["keep_jobs_days"]) == (
        30,
        None,
    )
    assert found["disk"]["free_bytes"] > 0
    assert found["versions"]["tables"] == latest_revision()
    assert "queue" in found["state"]["missing"]


def test_the_page_has_the_numbers_and_no_names_of_films(visitor, token, busy):
    assert sign_in(visitor, token).status_code == 303
    page = visitor.get("/operations").text
    for expected in ("a-host", "2.5", "worker_died", "Urgent", "30 days", "Missing: queue"):
        assert expected in page
    for secret in ("Mrs. Example", "0.png", "/images/", "/jobs/"):
        assert secret not in page


def test_what_waits_for_the_shadow_model_and_its_process(visitor, token, store, clinic):
    sign_in(visitor, token)
    assert "There is none." in visitor.get("/operations").text
    create_job(store, clinic.id, "job", new_images(2))
    store.save([finished_image(one) for one in store.claim(2, lease_s=60)], with_shadow=True)
    page = visitor.get("/operations").text
    assert "2 images wait to be compared" in page
    assert "No process of a shadow model is running." in page
    store.register_worker(
        replace(worker_record("beside"), model="next-2", role=ResultRole.SHADOW, host="its-host")
    )
    page = visitor.get("/operations").text
    assert "No process of a shadow model is running." not in page
    assert "its-host" in page
    assert "No worker is running" in page, "it makes no image's result"
    found = visitor.get("/api/v1/operations").json
    assert found["workers"] == []
    assert found["shadow"]["waiting"] == 2
    assert found["shadow"]["oldest_at"]
    assert [one["model"] for one in found["shadow"]["workers"]] == ["next-2"]
    store.claim_for_shadow(2)
    assert "No images wait to be compared." in visitor.get("/operations").text


def test_a_worker_that_went_silent_is_still_listed(visitor, token, store):
    assert sign_in(visitor, token).status_code == 303
    assert "No worker is running" in visitor.get("/operations").text
    store.register_worker(replace(worker_record("old"), host="quiet-host"))
    with store.database.writing() as session:
        session.execute(update(Worker).values(seen_at=store.database.time_in(-60)))
    page = visitor.get("/operations").text
    assert "quiet-host" in page
    assert "Silent" in page


def test_a_weeks_reasons_are_counted_once_a_minute_or_when_more_failed(store, busy, monkeypatch):
    counted = []
    count = store.reasons_overview
    monkeypatch.setattr(
        store, "reasons_overview", lambda since: counted.append(since) or count(since)
    )
    minute = int(time.time() // REASONS_EVERY_S)
    first = _reasons(store, minute, 2)
    assert [one.reason for one in first] == ["worker_died", "not_a_chest_xray"]
    assert _reasons(store, minute, 2) is first
    _reasons(store, minute + 1, 2)
    assert len(counted) == 2
    assert (counted[1] - counted[0]).total_seconds() == REASONS_EVERY_S
    work(store, 1, failed)
    (died, _) = _reasons(store, minute + 1, 3)
    assert died.images == 2


def test_an_operator_retries_what_failed_for_one_reason(visitor, token, busy, store, clinic):
    other = store.ensure_clinic("other", "another token")
    theirs = create_job(store, other.id, "theirs", new_images(3))
    while work(store, 9, lambda one: (failed if one.clinic_id == other.id else done)(one)):
        pass
    stopped = create_job(store, other.id, "stopped", new_images(2))
    work(store, 1, failed)
    store.cancel_job(other.id, stopped.id)
    sign_in(visitor, token)
    assert "Retry all" in visitor.get("/operations").text
    answer = visitor.post("/operations/retry", data={"reason": "worker_died"}, headers=ORIGIN)
    assert answer.location == "/operations?retried=4"
    page = visitor.get(answer.location).text
    assert "4 images wait again." in page
    row = page[page.index('value="worker_died"') :]
    assert row.split('<td class="numbers">')[1].startswith("1<"), "the cancelled job's stays"
    assert store.job(other.id, theirs.id).counts.waiting == 3
    assert store.job(other.id, stopped.id).status is JobStatus.CANCELLED
    for of, images in ((clinic.id, 1), (other.id, 3)):
        entries = [one.event for one in store.audit_page(of, action=Action.CHANGED)]
        expected = {"route": "operations.retry", "reason": "worker_died", "images": images}
        assert expected in [one.detail for one in entries]
        assert {one.who_kind for one in entries} == {"token"}
    again = visitor.post("/operations/retry", data={"reason": "worker_died"}, headers=ORIGIN)
    assert "No image was retried" in visitor.get(again.location).text
    wrong = visitor.post("/operations/retry", data={"reason": "Mrs. Example"}, headers=ORIGIN)
    assert wrong.status_code == 422


def test_a_script_retries_what_failed_for_one_reason(app, token, busy, store, clinic):
    def ask(reason: str):
        headers = {"Authorization": f"Bearer {token}"}
        body = {"reason": reason}
        return app.test_client().post("/api/v1/operations/retry", json=body, headers=headers)

    assert ask("worker_died").json == {"changed": 1, "left": 0}
    assert ask("worker_died").json == {"changed": 0, "left": 0}
    assert ask("Mrs. Example").status_code == 422
    assert store.job(clinic.id, 1).counts.failed == 0
    entries = [one.event.detail for one in store.audit_page(clinic.id, action=Action.CHANGED)]
    assert {"route": "operations_api.retry", "reason": "worker_died", "images": 1} in entries


def test_no_more_images_wait_after_a_retry_than_may(settings, token, busy, store, clinic):
    """Three wait, and one failed; in another clinic, two failed and none waits."""
    other = store.ensure_clinic("other", "another token")
    theirs = create_job(store, other.id, "theirs", new_images(2))
    while work(store, 9, lambda one: (failed if one.clinic_id == other.id else done)(one)):
        pass
    create_job(store, clinic.id, "waiting", new_images(3))
    visitor = create_app(replace(settings, max_waiting_images=3)).test_client()
    sign_in(visitor, token)
    answer = visitor.post("/operations/retry", data={"reason": "worker_died"}, headers=ORIGIN)
    assert answer.location == "/operations?retried=2&left=1"
    said = visitor.get(answer.location).text
    assert "2 images wait again." in said
    assert "1 image stays failed" in said
    assert store.job(other.id, theirs.id).counts.waiting == 2
    assert store.job(clinic.id, 1).counts.failed == 1

    again = visitor.post("/operations/retry", data={"reason": "worker_died"}, headers=ORIGIN)
    assert "1 image stays failed" in visitor.get(again.location).text
    refused = visitor.post(
        "/api/v1/operations/retry",
        json={"reason": "worker_died"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_waiting")
    assert refused.headers["Retry-After"] == "60"
    assert "raise CXR_MAX_WAITING_IMAGES" in refused.json["detail"]


def test_only_operators_retry(client, reader, busy, store, clinic):
    for who in (client, reader):
        answer = who.post("/operations/retry", data={"reason": "worker_died"}, headers=ORIGIN)
        assert answer.status_code in (302, 401, 403)
    body = {"reason": "worker_died"}
    assert client.post("/api/v1/operations/retry", json=body).status_code == 403
    assert store.job(clinic.id, 1).counts.failed == 1


def test_only_operators_see_it(client, reader):
    assert client.get("/api/v1/operations").status_code == 403
    assert reader.get("/operations").status_code == 403
    assert 'href="/operations"' not in reader.get("/").text
