"""Reviews, blind jobs and the way past the gate, over HTTP."""

import csv
import io

import pytest

from tests.support.results import rejected, work

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}
BOX = {"left": 0.1, "top": 0.2, "right": 0.4, "bottom": 0.6, "finding": "opacity"}


@pytest.fixture
def classified(upload, store, png) -> None:
    """Image 1 is PNEUMONIA, image 2 COVID19 (uncertain)."""
    upload({"a.png": png, "b.png": png})
    work(store, 2)


def put(browser, path: str, **body):
    return browser.put(f"/api/v1{path}", json=body, headers=SAME_SITE)


def test_a_review_is_in_the_list_and_in_both_exports(client, classified):
    said = put(
        client, "/images/1/review", verdict="other_label", label="NORMAL", comment="=1", boxes=[BOX]
    )
    assert said.status_code == 200, said.json
    assert (said.json["label"], said.json["model_label"]) == ("NORMAL", "PNEUMONIA")
    assert client.get("/api/v1/images/1/reviews").json["items"] == [said.json]
    assert client.get("/api/v1/jobs/1/reviews").json["items"] == [said.json]
    rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/jobs/1/results.csv").text)))
    assert (rows[0]["review_label"], rows[0]["review_comment"]) == ("NORMAL", "'=1")
    assert rows[0]["reviewed_by"] == said.json["reader"]
    assert rows[1]["review_label"] == ""
    exported = client.get("/api/v1/jobs/1/results.json").json["results"]
    assert [image["reviews"] for image in exported] == [[said.json], []]
    progress = client.get("/api/v1/jobs/1/reviews/progress").json
    assert progress == {"total": 2, "read": 1, "read_by_anybody": 1, "disagreed": 1}
    assert client.delete("/api/v1/images/1/review").status_code == 204
    assert client.get("/api/v1/images/1/reviews").json["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "maybe"},
        {"verdict": "other_label"},
        {"verdict": "other_label", "label": "LUPUS"},
        {"verdict": "agree", "boxes": [BOX | {"right": 0.05}]},
        {"verdict": "agree", "boxes": [BOX | {"left": -0.1}]},
        {"verdict": "agree", "comment": "x" * 2001},
        {"verdict": "agree", "mood": "good"},
    ],
)
def test_a_review_that_cannot_be_understood_is_refused(client, classified, body):
    answer = put(client, "/images/1/review", **body)
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    assert client.get("/api/v1/images/1/reviews").json["items"] == []


def test_a_reader_sees_the_answer_of_a_blind_job_after_their_own(client, reader, classified):
    assert put(client, "/jobs/1/blind", blind=True).json["blind"]
    assert client.get("/api/v1/images/1").json["result"], "a program sees all"
    for path in ("/images/1", "/images/1/maps", "/images/1/attention.png"):
        answer = reader.get(f"/api/v1{path}")
        assert b"PNEUMONIA" not in answer.data, path
    assert reader.get("/api/v1/images/1/maps").status_code == 409
    listed = reader.get("/api/v1/jobs/1/images").json["items"]
    assert [image["result"] for image in listed] == [None, None]
    page = reader.get("/images/1").text
    assert "Blind reading" in page
    assert "81.9 %" not in page
    assert "Agree:" not in page

    said = put(reader, "/images/1/review", verdict="other_label", label="PNEUMONIA").json
    assert (said["verdict"], said["blind"]) == ("agree", True)
    assert "81.9 %" in reader.get("/images/1").text
    assert reader.get("/api/v1/images/1").json["result"]["label"] == "PNEUMONIA"
    assert reader.get("/api/v1/images/2").json["result"] is None
    again = put(reader, "/images/1/review", verdict="unusable")
    assert (again.status_code, again.json["code"]) == (409, "review_is_final")


def test_an_image_is_classified_against_the_gate_and_marked(client, reader, upload, store, png):
    upload({"a.png": png})
    work(store, 1, rejected)
    assert 'id="anyway"' in reader.get("/images/1").text
    image = client.post("/api/v1/images/1/classify-anyway").json
    assert image["status"] == "waiting"
    assert image["waiver"]["reason"] == "not_a_chest_xray"
    again = client.post("/api/v1/images/1/classify-anyway")
    assert (again.status_code, again.json["code"]) == (409, "not_refused_by_gate")
    work(store, 1)
    (row,) = csv.DictReader(io.StringIO(client.get("/api/v1/jobs/1/results.csv").text))
    assert (row["label"], row["refused_before"]) == ("PNEUMONIA", "not_a_chest_xray")
    assert row["classified_anyway_by"] == image["waiver"]["by"]
    exported = client.get("/api/v1/jobs/1/results.json").json["results"][0]
    assert exported["waiver"] == image["waiver"]
    assert "classified anyway by" in reader.get("/images/1").text
