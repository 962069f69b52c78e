"""Models with other labels and other maps than the released one."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from model.drawing.maps import AGAINST, FOR
from tests.support.results import work
from web.showing.labels import label_name, map_name
from worker.records.images import ImageStatus, MapRecord
from worker.records.work import Claim, FinishedImage, NewResult

PROBABILITIES = {"VIRAL": 0.125, "NORMAL": 0.5, "PLEURAL_EFFUSION": 0.25, "COVID19": 0.125}
MAPS = ("block3", "block4", "block5")


def four_classes(claim: Claim) -> FinishedImage:
    grids = [np.full((2, 3), number / 4, np.float16) for number in range(len(MAPS))]
    maps = [
        MapRecord(name, grid, (0.0, 0.0, 1.0, 1.0)) for name, grid in zip(MAPS, grids, strict=True)
    ]
    result = NewResult("four-1", "NORMAL", PROBABILITIES, uncertain=False, maps=maps)
    return FinishedImage(claim, ImageStatus.DONE, width=160, height=120, result=result)


def with_evidence(claim: Claim) -> FinishedImage:
    values = {"attention": 0.5, "evidence_NORMAL": 0.25, "evidence_TB": -0.25}
    maps = [
        MapRecord(name, np.full((2, 3), value, np.float16), (0.0, 0.0, 1.0, 1.0))
        for name, value in values.items()
    ]
    shares = {"NORMAL": 0.75, "TB": 0.25}
    result = NewResult("two-1", "NORMAL", shares, uncertain=False, maps=maps)
    return FinishedImage(claim, ImageStatus.DONE, width=160, height=120, result=result)


def no_maps(claim: Claim) -> FinishedImage:
    result = NewResult("plain-1", "NORMAL", {"NORMAL": 0.75, "OTHER": 0.25}, uncertain=False)
    return FinishedImage(claim, ImageStatus.DONE, width=160, height=120, result=result)


@pytest.fixture
def classified(upload, store, png) -> None:
    upload({"a.png": png, "b.png": png})
    work(store, 1, four_classes)


def test_an_image_of_four_classes_shows_four_bars(reader, classified):
    page = reader.get("/images/1").text
    assert page.count("<progress") == 4
    for name in ("Viral", "Normal", "Pleural effusion", "COVID-19"):
        assert f"<dt>{name}</dt>" in page
    assert page.index("<dt>Viral</dt>") < page.index("<dt>Normal</dt>"), "the model's order"


def test_the_reader_chooses_among_maps(reader, classified):
    page = reader.get("/images/1").text
    assert page.count('name="map"') == 1 + len(MAPS)
    assert 'value="" checked> None' in page
    assert 'value="block3" data-src="/api/v1/images/1/maps/block3.json"> Block3' in page


def test_the_job_knows_its_labels_in_the_models_order(client, classified):
    job = client.get("/api/v1/jobs/1").json
    assert [label["label"] for label in job["labels"]] == list(PROBABILITIES)
    assert job["labels"][2] == {
        "label": "PLEURAL_EFFUSION",
        "name": "Pleural effusion",
        "count": 0,
    }
    found = client.get("/api/v1/jobs/1/images?label=NORMAL").json["items"]
    assert [image["result"]["probabilities"] for image in found] == [PROBABILITIES]
    assert list(found[0]["result"]["probabilities"]) == list(PROBABILITIES)
    refused = client.get("/api/v1/jobs/1/images?label=PNEUMONIA")
    assert (refused.status_code, refused.json["code"]) == (422, "unknown_label")
    assert "PLEURAL_EFFUSION" in refused.json["detail"]


def test_csv_has_a_column_for_each_label_of_the_job(client, upload, classified):
    rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/jobs/1/results.csv").text)))
    assert list(rows[0])[5:10] == ["label", *PROBABILITIES]
    assert [rows[0][label] for label in PROBABILITIES] == [
        "0.125000",
        "0.500000",
        "0.250000",
        "0.125000",
    ]
    upload({"c.png": b"x"})
    header = next(csv.reader(io.StringIO(client.get("/api/v1/jobs/2/results.csv").text)))
    assert header[5:7] == ["label", "uncertain"]
    assert header[-8:-6] == ["model", "finished_at"]


def test_maps_by_name(client, classified):
    listed = client.get("/api/v1/images/1/maps").json["items"]
    assert [found["name"] for found in listed] == list(MAPS)
    second = listed[1]
    assert (second["height"], second["width"], second["model"]) == (2, 3, "four-1")
    assert second["box"] == {"left": 0, "top": 0, "right": 1, "bottom": 1}
    grid = client.get(second["links"]["grid"]).json
    assert (grid["name"], grid["grid"]) == ("block4", [[0.25] * 3] * 2)
    assert client.get(second["links"]["picture"] + "?opacity=0.5").content_type == "image/png"
    first = client.get(listed[0]["links"]["picture"]).data
    assert client.get("/api/v1/images/1/attention.png").data == first
    assert client.get("/api/v1/images/1/attention.json").json["name"] == "block3"
    unknown = client.get("/api/v1/images/1/maps/lungs.json")
    assert (unknown.status_code, unknown.json["code"]) == (404, "no_picture")
    assert client.get("/api/v1/images/2/maps").status_code == 409


def test_evidence_for_each_label(client, reader, upload, store, png):
    upload({"a.png": png})
    work(store, 1, with_evidence)
    kinds = {
        one["name"]: (one["kind"], one["unit"])
        for one in client.get("/api/v1/images/1/maps").json["items"]
    }
    unit = ("evidence", "log probability per cell")
    assert kinds == {"attention": ("attention", None), "evidence_NORMAL": unit, "evidence_TB": unit}
    grid = client.get("/api/v1/images/1/maps/evidence_TB.json").json
    assert grid["grid"] == [[-0.25] * 3] * 2
    for name, colour in (("evidence_NORMAL", FOR), ("evidence_TB", AGAINST)):
        picture = client.get(f"/api/v1/images/1/maps/{name}.png?opacity=1").data
        assert Image.open(io.BytesIO(picture)).getpixel((5, 5)) == colour
    page = reader.get("/images/1").text
    assert "Evidence for TB" in page
    assert "Evidence for Normal" in page


def test_a_model_without_maps(client, reader, store, classified):
    work(store, 1, no_maps)
    assert client.get("/api/v1/images/2/maps").json["items"] == []
    assert client.get("/api/v1/images/2/attention.png").status_code == 404
    page = reader.get("/images/2").text
    assert 'name="map"' not in page
    assert page.count("<progress") == 2


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("COVID19", "COVID-19"),
        ("NORMAL", "Normal"),
        ("PLEURAL_EFFUSION", "Pleural effusion"),
        ("TB", "TB"),
        ("Lung Opacity", "Lung Opacity"),
        ("no_finding", "no finding"),
    ],
)
def test_a_label_in_words(label, name):
    assert label_name(label) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("attention", "Attention"),
        ("attention_7x7", "Attention 7x7"),
        ("evidence_COVID19", "Evidence for COVID-19"),
        ("evidence_PLEURAL_EFFUSION", "Evidence for Pleural effusion"),
    ],
)
def test_names_of_maps_as_words(name, words):
    assert map_name(name) == words
