"""Reviews, blind jobs and the way past the gate, over HTTP."""

import csv
import io

import pytest

from tests.support.access import sign_in
from tests.support.results import rejected, work
from worker.access import Scope
from worker.store import DEFAULT_CLINIC

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
    assert (progress["total"], progress["read"], progress["disagreed"]) == (2, 1, 1)
    assert (progress["complete"], progress["readers_disagree"]) == (1, 0)
    assert client.delete("/api/v1/images/1/review").status_code == 204
    assert client.get("/api/v1/images/1/reviews").json["items"] == []


def test_a_job_says_how_many_of_its_images_whoever_asks_has_read(client, app, store, classified):
    def ask(headers=None):
        found = client.get("/api/v1/jobs", headers=headers)
        return found, found.json["items"][0]["read_by_you"] if found.status_code == 200 else None

    first, read = ask()
    assert read == 0
    put(client, "/images/1/review", verdict="agree")
    assert ask({"If-None-Match": first.headers["ETag"]})[1] == 1
    assert client.get("/api/v1/jobs/1").json["read_by_you"] == 1
    other = store.create_token(DEFAULT_CLINIC, [Scope.READ], "another")[1]
    asked = {"Authorization": f"Bearer {other}", "If-None-Match": ask()[0].headers["ETag"]}
    theirs = app.test_client().get("/api/v1/jobs", headers=asked)
    assert theirs.json["items"][0]["read_by_you"] == 0
    client.delete("/api/v1/images/1/review")
    assert ask()[1] == 0


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


@pytest.mark.parametrize("blind", [0.0, 1, "true", None])
def test_whether_a_job_is_blind_is_true_or_false(client, classified, blind):
    assert put(client, "/jobs/1/blind", blind=blind).status_code == 422


def test_a_reader_sees_the_answer_of_a_blind_job_after_their_own(client, reader, classified):
    assert put(client, "/jobs/1/blind", blind=True).json["blind"]
    assert client.get("/api/v1/images/1").json["result"], "a program sees all"
    for path in ("/images/1", "/images/1/maps", "/images/1/attention.png"):
        answer = reader.get(f"/api/v1{path}")
        assert b"PNEUMONIA" not in answer.data, path
    assert reader.get("/api/v1/images/1/maps").status_code == 409
    listed = reader.get("/api/v1/jobs/1/images").json["items"]
    assert [image["result"] for image in listed] == [None, None]
    assert "PNEUMONIA" not in reader.get("/api/v1/jobs/1/results.csv").text.split("\n", 1)[1]
    assert "PNEUMONIA" in client.get("/api/v1/jobs/1/results.csv").text.split("\n", 1)[1]
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


@pytest.fixture
def second(app, store):
    """Another reader's browser."""
    token = store.create_token(DEFAULT_CLINIC, [Scope.READ, Scope.REVIEW], "Dr. Second")[1]
    browser = app.test_client()
    assert sign_in(browser, token).status_code == 303
    return browser


def test_two_readers_do_not_see_each_other_before_both_have_answered(
    client, reader, second, classified
):
    assert put(client, "/jobs/1/readers", readers=2).json["readers"] == 2
    assert put(client, "/jobs/1/readers", readers=3).status_code == 422
    first = put(reader, "/images/1/review", verdict="agree", comment="left base").json
    for path in ("images/1/reviews", "jobs/1/reviews"):
        assert second.get(f"/api/v1/{path}").json["items"] == [], path
        assert reader.get(f"/api/v1/{path}").json["items"] == [first], path
        assert client.get(f"/api/v1/{path}").json["items"] == [first], "a program sees all"
    for path in ("/images/1", "/api/v1/jobs/1/results.csv", "/api/v1/jobs/1/results.json"):
        assert "left base" not in second.get(path).text, path
    assert 'id="waits-for-other"' in second.get("/images/1").text
    changed = put(reader, "/images/1/review", verdict="agree", comment="right base")
    assert changed.status_code == 200, "it may be changed until then"

    said = put(second, "/images/1/review", verdict="other_label", label="NORMAL")
    assert said.status_code == 200
    for browser in (reader, second):
        assert len(browser.get("/api/v1/images/1/reviews").json["items"]) == 2
        page = browser.get("/images/1").text
        assert "The readers disagree." in page
        assert "Both readers have answered" in page
        again = put(browser, "/images/1/review", verdict="unusable")
        assert (again.status_code, again.json["code"]) == (409, "review_is_final")


def test_disagreement_is_counted_filtered_and_exported(client, reader, second, classified):
    put(client, "/jobs/1/readers", readers=2)
    put(reader, "/images/1/review", verdict="agree")
    put(second, "/images/1/review", verdict="unusable")
    put(reader, "/images/2/review", verdict="agree")

    def listed(browser, review: str) -> list[int]:
        found = browser.get(f"/api/v1/jobs/1/images?review={review}").json["items"]
        assert browser.get(f"/api/v1/images?review={review}").json["items"] == found
        tally = browser.get(f"/api/v1/jobs/1/tally?review={review}").json
        assert tally["total"] == len(found)
        return [image["id"] for image in found]

    assert listed(reader, "disagreement") == [1]
    assert (listed(reader, "read"), listed(reader, "unread")) == ([1, 2], [])
    assert (listed(second, "read"), listed(second, "unread")) == ([1], [2])
    progress = second.get("/api/v1/jobs/1/reviews/progress").json
    assert (progress["read"], progress["complete"], progress["readers_disagree"]) == (1, 1, 1)
    page = second.get("/jobs/1").text
    assert 'id="read-by-two">1 of 2 ' in page
    assert "1 disagree" in page

    def exported(review: str = "") -> dict[str, str]:
        text = client.get(f"/api/v1/jobs/1/results.csv?{review}").text
        rows = csv.DictReader(io.StringIO(text))
        return {row["image_id"]: row["readers_disagree"] for row in rows}

    assert exported("review=disagreement") == {"1": "true"}
    assert exported() == {"1": "true", "2": ""}  # one reader alone cannot disagree
    put(second, "/images/2/review", verdict="agree")
    assert exported() == {"1": "true", "2": "false"}


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
