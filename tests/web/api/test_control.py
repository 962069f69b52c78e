"""Resume, retry and delete over REST, and what is left of a job's files."""

import pytest

from tests.support.results import done, failed, rejected, work
from tests.support.rows import create_job
from worker.access import Scope
from worker.audit import Action
from worker.files import removal
from worker.records.jobs import NewImage
from worker.store import DEFAULT_CLINIC, Store


@pytest.fixture
def job(upload) -> dict:
    return upload({f"{number}.png": b"x" for number in range(4)}, name="Four").json


def test_a_cancelled_job_is_resumed(client, store, job):
    work(store, 1)
    client.post("/api/v1/jobs/1/cancel")
    resumed = client.post("/api/v1/jobs/1/resume")
    assert resumed.status_code == 200
    assert (resumed.json["status"], resumed.json["finished_at"]) == ("running", None)
    assert (resumed.json["counts"]["waiting"], resumed.json["counts"]["cancelled"]) == (3, 0)
    assert client.get("/api/v1/jobs/1").json == resumed.json
    assert work(store, 9) == 3
    assert client.get("/api/v1/jobs/1").json["status"] == "complete"


def test_failed_images_are_tried_again_and_nothing_else(client, store, job):
    for result in (done, rejected, failed, failed):
        work(store, 1, result)
    before = client.get("/api/v1/jobs/1/images").json["items"]
    retried = client.post("/api/v1/jobs/1/retry")
    assert retried.status_code == 200
    assert (retried.json["status"], retried.json["counts"]["waiting"]) == ("running", 2)
    after = client.get("/api/v1/jobs/1/images").json["items"]
    assert after[:2] == before[:2]
    assert [(image["status"], image["attempts"], image["reason"]) for image in after[2:]] == [
        ("waiting", 0, None)
    ] * 2
    work(store, 9)
    assert client.get("/api/v1/jobs/1").json["counts"]["done"] == 3


@pytest.mark.parametrize("verb", ["resume", "retry"])
def test_doing_nothing_again_is_no_error_and_no_change(client, store, job, verb):
    work(store, 4)
    before = client.get("/api/v1/jobs/1")
    again = client.post(f"/api/v1/jobs/1/{verb}")
    assert (again.status_code, again.json) == (200, before.json)
    same = client.get("/api/v1/jobs/1", headers={"If-None-Match": before.headers["ETag"]})
    assert same.status_code == 304


@pytest.mark.parametrize(("verb", "result"), [("resume", None), ("retry", failed)])
def test_workers_are_woken_for_what_waits_again(app, client, store, job, monkeypatch, verb, result):
    if result:
        work(store, 4, result)
    else:
        client.post("/api/v1/jobs/1/cancel")
    woken = []
    monkeypatch.setattr(app.extensions["cxr"].dispatcher, "wake", woken.append)
    client.post(f"/api/v1/jobs/1/{verb}")
    assert woken == [4]


def test_a_deleted_job_is_gone_with_its_files(client, store, stored, upload, job):
    kept = upload({"kept.png": b"y"}).json
    work(store, 2)
    assert len(stored()) == 5
    answer = client.delete("/api/v1/jobs/1")
    assert (answer.status_code, answer.data) == (204, b"")
    assert [file.read_bytes() for file in stored()] == [b"y"]
    for path in ("jobs/1", "jobs/1/images", "jobs/1/results.csv", "images/1", "images/4"):
        assert client.get(f"/api/v1/{path}").status_code == 404
    assert [job["id"] for job in client.get("/api/v1/jobs").json["items"]] == [kept["id"]]
    again = client.delete("/api/v1/jobs/1")
    assert (again.status_code, again.json["code"]) == (404, "not_found")


def test_a_deleted_image_is_gone_and_its_job_stays(client, store, stored, upload):
    job = upload({f"{name}.png": name.encode() for name in "abcd"}).json
    work(store, 2)
    client.put("/api/v1/images/1/review", json={"verdict": "agree"})
    (held,) = store.claim(1, lease_s=60)
    answer = client.delete("/api/v1/images/1")
    assert (answer.status_code, answer.data) == (204, b"")
    for path in ("images/1", "images/1/reviews", "images/1/preview.png", "images/1/maps"):
        assert client.get(f"/api/v1/{path}").status_code == 404, path
    assert client.delete("/api/v1/images/1").status_code == 404
    assert client.delete(f"/api/v1/images/{held.image_id}").status_code == 204
    assert store.save([done(held)]) == 0, "the worker is too late, and does no harm"
    assert sorted(file.read_bytes() for file in stored()) == [b"b", b"d"]
    listed = client.get(f"/api/v1/jobs/{job['id']}/images").json["items"]
    assert [image["filename"] for image in listed] == ["b.png", "d.png"]
    found = client.get(f"/api/v1/jobs/{job['id']}").json
    assert {name: count for name, count in found["counts"].items() if count} == {
        "total": 2, "waiting": 1, "done": 1,
    }  # fmt: skip
    assert sum(label["count"] for label in found["labels"]) == 1
    assert client.get(f"/api/v1/jobs/{job['id']}/reviews").json["items"] == []
    assert client.get(f"/api/v1/jobs/{job['id']}/reviews/progress").json["read"] == 0
    assert [one["id"] for one in client.get("/api/v1/jobs").json["items"]] == [job["id"]]
    assert store.deleted_jobs() == []


def test_several_images_are_deleted_at_once(client, store, upload):
    for _ in range(2):
        upload({"a.png": b"x", "b.png": b"y"})
    work(store, 3)
    answer = client.post("/api/v1/images/delete", json={"images": [2, 3, 99]})
    assert (answer.status_code, answer.json) == (200, {"changed": 2})
    assert [image["id"] for image in client.get("/api/v1/images").json["items"]] == [1, 4]
    counts = [client.get(f"/api/v1/jobs/{job}").json["counts"]["total"] for job in (1, 2)]
    assert counts == [1, 1]
    deleted = store.audit_page(1, action=Action.DELETED)
    assert [entry.event.image_ids for entry in deleted] == [(2, 3, 99)]


def test_the_last_waiting_image_deleted_completes_its_job(client, store, upload):
    upload({"a.png": b"x", "b.png": b"y"})
    work(store, 1)
    client.delete("/api/v1/images/2")
    job = client.get("/api/v1/jobs/1").json
    assert (job["status"], job["counts"]["total"], job["progress"]) == ("complete", 1, 1)
    client.delete("/api/v1/images/1")
    job = client.get("/api/v1/jobs/1").json
    assert (job["status"], job["counts"]["total"]) == ("complete", 0)


def test_an_image_of_a_held_job_stays(client, store, upload, stored):
    upload({"a.png": b"x"})
    upload({"b.png": b"y"})
    store.hold_job(1, 1)
    for answer in (
        client.delete("/api/v1/images/1"),
        client.post("/api/v1/images/delete", json={"images": [2, 1]}),
    ):
        assert (answer.status_code, answer.json["code"]) == (409, "job_held")
    assert len(client.get("/api/v1/images").json["items"]) == len(stored()) == 2


def test_only_who_may_delete_deletes_images(app, store, upload):
    upload({"a.png": b"x"})
    token = store.create_token(DEFAULT_CLINIC, [Scope.READ, Scope.REVIEW, Scope.UPLOAD], "p")[1]
    program = app.test_client()
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    assert program.delete("/api/v1/images/1").status_code == 403
    assert program.post("/api/v1/images/delete", json={"images": [1]}).status_code == 403
    store.ensure_clinic("other", "another token")
    program.environ_base["HTTP_AUTHORIZATION"] = "Bearer another token"
    assert program.delete("/api/v1/images/1").status_code == 404
    assert program.post("/api/v1/images/delete", json={"images": [1]}).json == {"changed": 0}
    assert store.image(1, 1).id == 1


def test_deleting_leaves_no_empty_folder(client, settings, job):
    client.delete("/api/v1/jobs/1")
    assert list(settings.images_dir.iterdir()) == []


def test_a_worker_that_is_late_for_a_deleted_job_does_no_harm(client, store, job):
    claims = store.claim(2, lease_s=60)
    client.delete("/api/v1/jobs/1")
    assert store.save([done(claim) for claim in claims]) == 0
    assert client.get("/api/v1/jobs").json["items"] == []


def test_the_number_of_a_deleted_job_is_never_given_again(client, upload, job):
    """A page that is still open must not show, or delete, another job."""
    client.delete("/api/v1/jobs/1")
    following = upload({"b.png": b"x"}).json
    assert following["id"] == 2
    assert client.get("/api/v1/jobs/2/images").json["items"][0]["id"] == 5
    assert client.delete("/api/v1/jobs/1").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "resume"), ("POST", "retry"), ("POST", "cancel"), ("DELETE", "")]
)
def test_another_clinics_job_is_not_there(app, store: Store, client, job, method, path):
    store.ensure_clinic("other", "another token")
    client.post("/api/v1/jobs/1/cancel")
    before = client.get("/api/v1/jobs/1").json
    other = app.test_client()
    answer = other.open(
        f"/api/v1/jobs/1/{path}".rstrip("/"),
        method=method,
        headers={"Authorization": "Bearer another token"},
    )
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert client.get("/api/v1/jobs/1").json == before


def test_another_sites_page_cannot_delete(reader, job):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere"}, {}):
        assert reader.delete("/api/v1/jobs/1", headers=headers).status_code == 403
    own = {"Sec-Fetch-Site": "same-origin"}
    assert reader.delete("/api/v1/jobs/1", headers=own).status_code == 204


def test_a_large_job_is_deleted_at_once_and_removed_behind(
    client, store, clinic, files, stored, monkeypatch
):
    monkeypatch.setattr(removal, "AT_ONCE", removal.CHUNK)
    folder = files.new_folder()
    keys = [folder.new_file().keep() for _ in range(3 * removal.CHUNK)]
    images = [NewImage(f"{n}.png", key, 1) for n, key in enumerate(keys)]
    large = create_job(store, clinic.id, "large", images, upload=folder.name)
    held = store.claim(4, lease_s=60)
    assert client.delete(f"/api/v1/jobs/{large.id}").status_code == 204
    assert client.get(f"/api/v1/jobs/{large.id}").status_code == 404
    assert client.get(f"/api/v1/images/{held[0].image_id}").status_code == 404
    assert store.claim(4, lease_s=60) == [], "no worker begins on what is deleted"
    assert 0 < len(stored()) < len(keys)
    assert not removal.remove_some(store, files, 10_000)
    assert stored() == []
    assert store.save([done(claim) for claim in held]) == 0
