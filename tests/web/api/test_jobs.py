import pytest

from tests.support.results import rejected, work


@pytest.fixture
def job(upload) -> dict:
    return upload({f"{number}.png": b"x" for number in range(5)}, name="Five").json


def test_a_job_is_watched_from_upload_to_completion(client, store, job):
    url = f"/api/v1/jobs/{job['id']}"
    assert (job["status"], job["progress"], job["started_at"]) == ("running", 0, None)
    work(store, 2)
    work(store, 1, rejected)
    midway = client.get(url).json
    assert midway["counts"] == {
        "total": 5,
        "waiting": 2,
        "running": 0,
        "done": 2,
        "rejected": 1,
        "failed": 0,
        "cancelled": 0,
    }
    assert midway["progress"] == pytest.approx(0.6)
    assert midway["images_per_second"] > 0
    assert midway["seconds_left"] >= 0
    work(store, 10)
    end = client.get(url).json
    assert (end["status"], end["progress"], end["seconds_left"]) == ("complete", 1, None)
    assert end["finished_at"].endswith("Z")


def test_polling_costs_nothing_while_nothing_changes(client, store, job):
    for path in ("/api/v1/jobs", "/api/v1/jobs/1", "/api/v1/jobs/1/images", "/api/v1/images/1"):
        first = client.get(path)
        assert first.headers["Cache-Control"] == "private, no-cache"
        same = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (same.status_code, same.data) == (304, b"")
        assert same.headers["ETag"] == first.headers["ETag"]
        work(store, 1)
        newer = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert newer.status_code == 200 or path.endswith("images/1")
        assert newer.headers["ETag"] != first.headers["ETag"] or path.endswith("images/1")


def test_a_list_with_another_filter_has_another_etag(client, job):
    url = "/api/v1/jobs/1/images"
    tags = {
        client.get(url + query).headers["ETag"]
        for query in ("", "?status=done", "?label=NORMAL", "?limit=2", "?cursor=MQ")
    }
    assert len(tags) == 5


def test_images_come_in_pages_and_can_be_filtered(client, store, job):
    work(store, 3)
    work(store, 1, rejected)
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/v1/jobs/1/images", query_string=query).json
        seen += [image["filename"] for image in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"{number}.png" for number in range(5)]

    refused = client.get("/api/v1/jobs/1/images?status=rejected").json["items"]
    assert [image["reason"] for image in refused] == ["not_a_chest_xray"]
    label = client.get("/api/v1/images/1").json["result"]["label"]
    found = client.get(f"/api/v1/jobs/1/images?label={label}&status=done").json["items"]
    assert {image["result"]["label"] for image in found} == {label}


def test_jobs_are_listed_newest_first_in_pages(client, upload):
    for number in range(3):
        upload({"a.png": b"x"}, name=f"job {number}")
    first = client.get("/api/v1/jobs?limit=2").json
    assert [job["name"] for job in first["items"]] == ["job 2", "job 1"]
    second = client.get(f"/api/v1/jobs?limit=2&cursor={first['next_cursor']}").json
    assert [job["name"] for job in second["items"]] == ["job 0"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "status=lost", "label=FLU", "cursor=%00%FF"]
)
def test_a_query_that_makes_no_sense_is_explained(client, store, job, query):
    assert client.get("/api/v1/jobs/1/images?label=FLU").json["items"] == []  # may still come
    work(store, 1)
    answer = client.get(f"/api/v1/jobs/1/images?{query}")
    assert answer.status_code == 422
    assert answer.json["detail"]


def test_cancelling_stops_what_has_not_begun(client, store, job):
    work(store, 2)
    cancelled = client.post("/api/v1/jobs/1/cancel").json
    assert cancelled["status"] == "cancelled"
    assert (cancelled["counts"]["done"], cancelled["counts"]["cancelled"]) == (2, 3)
    assert client.post("/api/v1/jobs/1/cancel").json["status"] == "cancelled"
