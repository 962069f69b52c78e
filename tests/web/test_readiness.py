"""What is missing is said, by /readyz and by every job that waits for it."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from tests.support.access import TOKEN
from tests.support.results import work
from tests.support.rows import worker_record
from web import readiness
from web.app import create_app
from worker.store.schema import Job


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No answer is kept."""
    monkeypatch.setattr(readiness, "FRESH_S", 0)


def ready(settings):
    return create_app(settings).test_client().get("/readyz")


def test_everything_is_there(settings, store, valkey_url):
    store.register_worker(worker_record("this"))
    answer = ready(replace(settings, redis_url=valkey_url))
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ready",
        "missing": [],
        "database": "ok",
        "tables": "ok",
        "queue": "ok",
        "storage": "ok",
        "workers": 1,
    }
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_worker_and_no_queue(settings, store):
    answer = ready(settings)
    assert answer.status_code == 503
    assert answer.json["missing"] == ["queue", "workers"]
    assert (answer.json["database"], answer.json["workers"]) == ("ok", 0)


def test_no_room_for_uploads(settings, store, valkey_url):
    store.register_worker(worker_record("this"))
    answer = ready(replace(settings, redis_url=valkey_url, min_free_mb=10**9))
    assert (answer.status_code, answer.json["missing"]) == (503, ["storage"])


def test_no_tables(settings, valkey_url):
    answer = ready(replace(settings, redis_url=valkey_url))
    assert answer.status_code == 503
    assert answer.json["missing"] == ["tables", "workers"]
    assert answer.json["tables"] == "out_of_date"


def test_no_database(settings, valkey_url):
    gone = "postgresql://nobody@127.0.0.1:1/none"
    answer = ready(replace(settings, redis_url=valkey_url, database_url=gone))
    assert answer.status_code == 503
    assert answer.json["missing"] == ["database", "tables", "workers"]
    assert answer.json["workers"] is None


def test_a_job_says_that_no_worker_is_up(client, reader, store, upload):
    job = upload({"a.png": b"x", "b.png": b"x"}).json
    assert job["waiting_for"] == "workers"
    watched = client.get("/api/v1/jobs/1")
    assert (watched.json["status"], watched.json["waiting_for"]) == ("running", "workers")
    assert client.get("/api/v1/jobs").json["items"][0]["waiting_for"] == "workers"
    notice = '<p class="error" id="no-workers" role="status">'
    assert notice in reader.get("/jobs/1").text

    store.register_worker(worker_record("this"))
    again = client.get("/api/v1/jobs/1", headers={"If-None-Match": watched.headers["ETag"]})
    assert again.status_code == 200, "what a poller knows is no longer so"
    assert again.json["waiting_for"] is None
    assert notice not in reader.get("/jobs/1").text
    store.forget_worker("this")
    work(store, 2)
    finished = client.get("/api/v1/jobs/1").json
    assert (finished["status"], finished["waiting_for"]) == ("complete", None)


def test_a_worker_with_another_model_does_not_help(client, reader, store, upload):
    upload({"a.png": b"x"})
    model = "this-1"
    with store.database.writing() as session:
        session.execute(update(Job).values(model=model))
    store.register_worker(replace(worker_record("other"), model="another-9"))
    waiting = client.get("/api/v1/jobs/1").json
    assert (waiting["waiting_for"], waiting["model"]) == ("model", model)
    assert f'<b id="model">{model}</b>' in reader.get("/jobs/1").text
    store.register_worker(replace(worker_record("this"), model=model))
    assert client.get("/api/v1/jobs/1").json["waiting_for"] is None


def test_resume_gives_a_job_to_the_model_at_hand(client, store, upload):
    upload({"a.png": b"x", "b.png": b"x"})
    store.claim(1, lease_s=60, model="this-1")
    store.register_worker(replace(worker_record("other"), model="another-9"))
    assert client.get("/api/v1/jobs/1").json["waiting_for"] == "model"
    resumed = client.post("/api/v1/jobs/1/resume").json
    assert (resumed["waiting_for"], resumed["model"]) == (None, None)
    assert len(store.claim(9, lease_s=60, model="another-9")) == 1
    assert client.get("/api/v1/jobs/1").json["model"] == "another-9"


def test_many_polls_are_one_look(settings, store, upload, client, monkeypatch):
    upload({"a.png": b"x"})
    monkeypatch.setattr(readiness, "FRESH_S", 60)
    app = create_app(settings)
    looks = []
    asked = app.extensions["cxr"].store
    monkeypatch.setattr(asked, "workers_up", lambda: looks.append(1) or [])
    program = app.test_client()
    for _ in range(5):
        answer = program.get("/api/v1/jobs/1", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.json["waiting_for"] == "workers"
    assert len(looks) == 1
