import csv
import io
from datetime import datetime, timedelta

import pytest

from tests.support.results import failed, rejected, work
from tests.support.rows import create_job
from web.api.exports import harmless
from worker.records.jobs import NewImage


@pytest.fixture
def finished(upload, store) -> dict:
    job = upload({"a.png": b"x", "=cmd|' /C calc'!A0": b"y", "c, d.png": b"z"}).json
    work(store, 1)
    work(store, 1, rejected)
    work(store, 1, failed)
    return job


def test_csv(client, finished):
    answer = client.get("/api/v1/jobs/1/results.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="cxr-job-1.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == [
        "image_id",
        "filename",
        "status",
        "reason",
        "message",
        "label",
        "COVID19",
        "NORMAL",
        "PNEUMONIA",
        "uncertain",
        "uncertain_reasons",
        "triage_flagged",
        "triage_score",
        "triage_threshold",
        "model",
        "finished_at",
        "refused_before",
        "classified_anyway_by",
        "reviewed_by",
        "review_label",
        "review_comment",
        "readers_disagree",
    ]
    done, refused, lost = rows
    assert (done["status"], done["label"], done["PNEUMONIA"]) == ("done", "PNEUMONIA", "0.819000")
    assert (refused["reason"], refused["label"], refused["NORMAL"]) == ("not_a_chest_xray", "", "")
    assert (lost["filename"], lost["status"]) == ("c, d.png", "failed")
    assert [row["uncertain"] for row in rows] == ["false", "", ""]
    assert [row["uncertain_reasons"] for row in rows] == ["", "", ""]
    assert [row["triage_flagged"] for row in rows] == ["true", "", ""]
    assert (done["triage_score"], done["triage_threshold"]) == ("0.882000", "0.350000")
    finished_at = [
        image["finished_at"] for image in client.get("/api/v1/jobs/1/images").json["items"]
    ]
    assert all(finished_at)
    for row, moment in zip(rows, finished_at, strict=True):
        written = datetime.fromisoformat(row["finished_at"])
        assert abs(written - datetime.fromisoformat(moment)) < timedelta(milliseconds=1)


def test_no_cell_is_a_formula(client, finished):
    rows = list(csv.reader(io.StringIO(client.get("/api/v1/jobs/1/results.csv").text)))
    assert rows[2][1] == "'=cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\uff1d1"])
def test_every_start_of_a_formula_is_disarmed(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "cell"),
    [("a;=1+1.jpg", "a;'=1+1.jpg"), ('a; "@x"', 'a;\' "@x"'), (";;+1", ";;'+1"), ("' =1", "'' =1")],
)
def test_nor_where_spreadsheets_split_at_semicolons(text, cell):
    assert harmless(text) == cell


@pytest.mark.parametrize("text", [None, "", "chest.png", "a=b", "a; b", "it's;"])
def test_other_text_stays_as_it_is(text):
    assert harmless(text) == text


def test_json(client, finished):
    export = client.get("/api/v1/jobs/1/results.json").json
    assert export["job"] == client.get("/api/v1/jobs/1").json
    assert export["disclaimer"] == "Research and triage support, not a diagnosis."
    images = client.get("/api/v1/jobs/1/images").json["items"]
    assert export["results"] == [image | {"reviews": []} for image in images]


def test_a_large_export_comes_in_pieces(client, store, clinic):
    job = create_job(store, clinic.id, "large", [NewImage(f"{n}.png", "k", 1) for n in range(2500)])
    answer = client.get(f"/api/v1/jobs/{job.id}/results.csv")
    pieces = list(answer.iter_encoded())
    assert len(pieces) > 4
    assert b"".join(pieces).count(b"\r\n") == 2501


@pytest.mark.parametrize("query", ["label=COLD", "probability_of=COLD&min_probability=0.5"])
def test_an_export_with_an_unknown_label_is_refused_before_it_begins(client, finished, query):
    for path in ("jobs/1/results.csv", "jobs/1/results.json", "results.csv"):
        answer = client.get(f"/api/v1/{path}?{query}")
        assert (answer.status_code, answer.json["code"]) == (422, "unknown_label"), path


@pytest.mark.parametrize("query", ["images=", "jobs=", "images=1,,2", "status=", "label="])
def test_a_list_of_nothing_is_refused_and_never_means_everything(client, finished, query):
    answer = client.get(f"/api/v1/results.csv?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_input")
    assert answer.json["detail"].startswith(query.partition("=")[0])
