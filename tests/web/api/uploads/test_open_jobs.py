"""Jobs that stay open for more files."""

import io

import pytest

from tests.support.access import TOKEN
from tests.support.results import done


@pytest.fixture
def job(client) -> dict:
    fields = {"name": "Ward 7", "open": "true"}
    return client.post("/api/v1/jobs", data=fields, content_type="multipart/form-data").json


@pytest.fixture
def add(client, job):
    def post(contents: dict[str, bytes], key: str | None = None, **fields):
        files = [(io.BytesIO(content), name) for name, content in contents.items()]
        return client.post(
            f"/api/v1/jobs/{job['id']}/images",
            data={"files": files, **fields},
            headers={"Idempotency-Key": key} if key else {},
        )

    return post


def test_a_job_is_opened_filled_and_closed(client, store, job, add):
    assert (job["status"], job["open"], job["progress"]) == ("running", True, 0)
    first = add({"a.png": b"a"})
    assert (first.status_code, first.json["id"]) == (202, job["id"])
    second = add({"b.png": b"b", "c.png": b""})
    assert second.json["counts"]["total"] == 3
    store.save([done(claim) for claim in store.claim(9, lease_s=60)])
    url = f"/api/v1/jobs/{job['id']}"
    finished = client.get(url).json
    assert (finished["status"], finished["progress"], finished["open"]) == ("running", 1.0, True)
    names = [image["filename"] for image in client.get(f"{url}/images").json["items"]]
    assert names == ["a.png", "b.png", "c.png"]
    closed = client.post(f"{url}/close").json
    assert (closed["status"], closed["open"]) == ("complete", False)
    assert client.post(f"{url}/close").json == closed
    late = add({"d.png": b"d"})
    assert (late.status_code, late.json["code"]) == (409, "job_not_open")
    assert [item["id"] for item in client.get("/api/v1/jobs").json["items"]] == [job["id"]]


def test_a_job_in_json_is_open_too(client):
    job = client.post("/api/v1/jobs", json={"name": "Ward 7", "open": True}).json
    image = {"filename": "a.png", "data": "eA=="}
    after = client.post(f"/api/v1/jobs/{job['id']}/images", json={"images": [image]})
    assert (after.status_code, after.json["counts"]["total"]) == (202, 1)


def test_a_job_that_was_not_opened_takes_no_more(client, upload):
    job = upload({"a.png": b"a"}).json
    answer = client.post(
        f"/api/v1/jobs/{job['id']}/images", data={"files": (io.BytesIO(b"b"), "b.png")}
    )
    assert (answer.status_code, answer.json["code"]) == (409, "job_not_open")


def test_files_that_are_sent_again_under_their_key_are_added_once(client, store, clinic, job, add):
    first = add({"a.png": b"a"}, key="part-1")
    again = add({"a.png": b"a"}, key="part-1")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json == first.json
    assert add({"b.png": b"b"}, key="part-1").status_code == 422
    assert store.job(clinic.id, job["id"]).counts.total == 1
    asked = client.get("/api/v1/jobs", query_string={"idempotency_key": "part-1"}).json
    assert [found["id"] for found in asked["items"]] == [job["id"]]
    # The key of a part is not that of a job.
    files = {"files": (io.BytesIO(b"a"), "a.png")}
    answer = client.post("/api/v1/jobs", data=files, headers={"Idempotency-Key": "part-1"})
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")


def test_a_request_that_breaks_off_adds_nothing(client, store, clinic, job, stored):
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    answer = client.post(
        f"/api/v1/jobs/{job['id']}/images",
        data=head + b"whole\r\n" + head + b"half",
        content_type="multipart/form-data; boundary=b",
    )
    assert answer.status_code == 422
    assert store.job(clinic.id, job["id"]).counts.total == 0
    assert stored() == []


@pytest.mark.parametrize("fields", [{"name": "x"}, {"urgent": "true"}, {"open": "true"}])
def test_only_files_are_added(add, stored, fields):
    answer = add({"a.png": b"a"}, **fields)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_upload")
    assert stored() == []


def test_an_open_job_is_its_clinics_own(app, store, job):
    store.ensure_clinic("other", "another token")
    other = app.test_client()
    theirs = {"Authorization": "Bearer another token"}
    for path, data in (("images", {"files": (io.BytesIO(b"a"), "a.png")}), ("close", {})):
        answer = other.post(f"/api/v1/jobs/{job['id']}/{path}", data=data, headers=theirs)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    ours = {"Authorization": f"Bearer {TOKEN}"}
    assert other.get(f"/api/v1/jobs/{job['id']}", headers=ours).json["open"] is True


def test_pages_show_that_a_job_is_open(reader, job):
    page = reader.get(f"/jobs/{job['id']}").text
    assert 'class="state open"' in page
    assert ">Open<" in page
