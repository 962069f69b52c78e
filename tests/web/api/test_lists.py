"""Lists of images over the API: orders, filters, and what is said about those that do not exist."""

import pytest

from tests.support.access import sign_in
from tests.support.results import rejected, work


@pytest.fixture
def job(upload, store) -> int:
    """Four results of four kinds, a refusal, and an image that waits."""
    upload({f"{number}.png": b"x" for number in range(6)})
    work(store, 4)
    work(store, 1, rejected)
    return 1


def names(client, path: str) -> list[str]:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.json
    return [image["filename"] for image in answer.json["items"]]


def test_the_order_of_the_api_is_that_of_the_files_unless_asked(client, job):
    assert names(client, "/jobs/1/images") == [f"{number}.png" for number in range(6)]
    assert names(client, "/jobs/1/images?sort=newest")[0] == "5.png"
    suspicious = client.get("/api/v1/jobs/1/images?sort=suspicion").json["items"]
    assert [image["status"] for image in suspicious[4:]] == ["rejected", "waiting"]
    assert suspicious[0]["result"]["suspicion"] == pytest.approx(0.882)
    assert suspicious[3]["result"]["label"] == "NORMAL"


def test_several_statuses_and_labels(client, job):
    assert names(client, "/jobs/1/images?status=rejected,waiting") == ["4.png", "5.png"]
    both = names(client, "/jobs/1/images?label=COVID19,PNEUMONIA")
    assert len(both) == 2
    assert names(client, "/images?search=4.PNG") == ["4.png"]


def test_counts_follow_the_filter(client, job):
    tally = client.get("/api/v1/jobs/1/tally").json
    assert tally["total"] == 6
    assert tally["statuses"] == {"done": 4, "rejected": 1, "waiting": 1}
    assert tally["labels"] == {"COVID19": 1, "NORMAL": 2, "PNEUMONIA": 1}
    assert client.get("/api/v1/images/tally?uncertain=true").json["total"] == 1


def test_a_place_in_a_list(client, job):
    place = client.get("/api/v1/images/2/place?status=done").json
    assert place == {"position": 2, "total": 4, "previous": 1, "following": 3}
    assert client.get("/api/v1/images/2/place?job=all&sort=newest").json["position"] == 5


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("sort=sideways", "file, newest, name, suspicion, probability:LABEL"),
        ("sort=probability", "probability:LABEL"),
        ("status=lost", "'waiting', 'running', 'done', 'rejected', 'failed' or 'cancelled'"),
        ("label=FRACTURE", "COVID19, NORMAL, PNEUMONIA"),
        ("min_probability=0.5", "probability_of"),
        ("min_probability=2&probability_of=NORMAL", "less than or equal to 1"),
        ("offset=-1", "greater than or equal to 0"),
    ],
)
@pytest.mark.parametrize("path", ["/jobs/1/images", "/images"])
def test_what_does_not_exist_is_refused_with_what_does(client, job, path, asked, allowed):
    answer = client.get(f"/api/v1{path}?{asked}")
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert allowed in answer.json["detail"]


def test_an_order_by_probability_needs_a_job_and_one_of_its_labels(client, job):
    assert "COVID19, NORMAL" in refusal(client, "/jobs/1/images?sort=probability:FRACTURE")
    assert "by file, newest, name or suspicion" in refusal(
        client, "/images?sort=probability:NORMAL"
    )


def refusal(client, path: str) -> str:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 422
    return answer.json["detail"]


def test_renaming_a_job(client, job):
    assert client.patch("/api/v1/jobs/1", json={"name": "Monday"}).json["name"] == "Monday"
    refused = client.patch("/api/v1/jobs/1", json={"name": ""})
    assert refused.status_code == 422
    assert "at least 1" in refused.json["detail"]
    assert client.get("/api/v1/jobs?search=monD").json["items"][0]["id"] == 1
    assert client.get("/api/v1/jobs?search=monday&status=complete").json["items"] == []


def test_results_of_several_jobs_in_one_file(client, job, upload, store):
    upload({"other.png": b"x"})
    lines = client.get("/api/v1/results.csv?jobs=1,2&sort=name").text.splitlines()
    assert lines[0].startswith("job_id,image_id,filename")
    assert len(lines) == 8
    assert lines[-1].startswith("2,7,other.png,waiting")
    assert len(client.get("/api/v1/results.csv?jobs=2").text.splitlines()) == 2


def test_exports_take_the_filter_and_the_order(client, job):
    lines = client.get("/api/v1/jobs/1/results.csv?status=done&sort=suspicion").text.splitlines()
    assert len(lines) == 5
    assert client.get("/api/v1/jobs/1/results.json?label=COVID19").json["results"][0]["result"]


def test_images_by_when_they_were_uploaded(client, upload, png):
    upload({"a.png": png})

    def found(**asked) -> list[str]:
        answer = client.get("/api/v1/images", query_string=asked)
        return [image["filename"] for image in answer.json["items"]]

    assert found(uploaded_since="2020-01-01T00:00:00+01:00") == ["a.png"]
    assert found(uploaded_until="2020-01-01T00:00:00Z") == []
    for wrong in ("2020-01-01T00:00:00", "2020-01-01", "today", "0001-01-01T00:00:00+14:00", "17"):
        answer = client.get("/api/v1/images", query_string={"uploaded_since": wrong})
        assert answer.status_code == 422
        assert "2026-11-25T08:00:00Z" in answer.json["detail"]


def test_a_list_names_the_jobs_of_its_images(client, upload):
    upload({"a.png": b"x"}, name="Monday")
    upload({"b.png": b"y"}, name="Tuesday")
    listed = client.get("/api/v1/images").json
    assert listed["jobs"] == [{"id": 1, "name": "Monday"}, {"id": 2, "name": "Tuesday"}]
    assert client.get("/api/v1/jobs/2/images").json["jobs"] == listed["jobs"][1:]
    without_scripts = client.application.test_client()
    sign_in(without_scripts)
    assert '<a href="/jobs/2" dir="auto">Tuesday</a>' in without_scripts.get("/images").text
