import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from model.drawing.maps import colour_map
from tests.support.results import failed, rejected, work
from web.pages.frame.assets import FOLDER
from worker.files.sealing import is_sealed


def picture(answer) -> np.ndarray:
    assert answer.content_type == "image/png"
    with Image.open(io.BytesIO(answer.data)) as opened:
        return np.asarray(opened.convert("RGB")).astype(int)


@pytest.fixture
def classified(upload, store, png) -> int:
    upload({"a.png": png})
    work(store, 1)
    return 1


def test_an_image_with_its_result(client, classified):
    image = client.get("/api/v1/images/1").json
    assert image["status"] == "done"
    assert image["result"]["label"] == "PNEUMONIA"
    assert sum(image["result"]["probabilities"].values()) == pytest.approx(1)
    assert image["result"]["model"] == "vgg_attention-1.0.0"
    assert image["result"]["timings_ms"]["decode"] > 0
    assert (image["result"]["uncertain"], image["result"]["uncertain_reasons"]) == (False, [])
    assert image["result"]["triage"] == {"flagged": True, "score": 0.882, "threshold": 0.35}


def test_an_uncertain_image_says_why(client, upload, store, png):
    upload({"a.png": png, "b.png": png})
    work(store, 2)
    result = client.get("/api/v1/images/2").json["result"]
    assert result["uncertain"] is True
    assert result["uncertain_reasons"] == ["close_call", "unlike_training"]


def test_a_rejected_image_says_why(client, upload, store):
    upload({"leg.png": b"x"})
    work(store, 1, rejected)
    image = client.get("/api/v1/images/1").json
    assert (image["status"], image["reason"], image["result"]) == (
        "rejected",
        "not_a_chest_xray",
        None,
    )
    assert image["message"].startswith("This does not look like")


def test_polling_an_image_costs_nothing_until_something_of_it_changes(client, upload, store, png):
    upload({"a.png": png})
    steps = [
        lambda: store.save([rejected(claim) for claim in store.claim(1, lease_s=60)]),
        lambda: client.post("/api/v1/images/1/classify-anyway"),
        lambda: store.claim(1, lease_s=0.0),
        lambda: store.take_back_expired(3),
        lambda: work(store, 1),
    ]
    known = client.get("/api/v1/images/1")
    for step in steps:
        asked = {"If-None-Match": known.headers["ETag"]}
        assert client.get("/api/v1/images/1", headers=asked).status_code == 304
        step()
        changed = client.get("/api/v1/images/1", headers=asked)
        assert changed.status_code == 200
        assert changed.json != known.json
        known = changed
    assert known.json["status"] == "done"


def test_the_preview_has_the_proportions_of_the_file(client, classified):
    assert picture(client.get("/api/v1/images/1/preview.png")).shape == (120, 160, 3)
    small = picture(client.get("/api/v1/images/1/preview.png?max_side=80"))
    assert small.shape == (60, 80, 3)


@pytest.mark.slow  # a process draws
def test_a_large_picture_is_drawn_once_and_deleted_with_its_job(
    client, upload, store, radiographs, settings
):
    upload({"chest.dcm": radiographs["RG1_UNCI"].read_bytes()})
    large = picture(client.get("/api/v1/images/1/preview.png?max_side=1500"))
    assert max(large.shape) == 1500
    kept = list((settings.home / "pictures").rglob("*.png"))
    assert len(kept) == 1
    assert max(picture(client.get("/api/v1/images/1/preview.png?max_side=2048")).shape) > 1500
    assert list((settings.home / "pictures").rglob("*.png")) == kept
    assert client.delete("/api/v1/jobs/1").status_code == 204
    assert not list((settings.home / "pictures").iterdir())
    assert not list(settings.images_dir.iterdir())


def test_pictures_of_encrypted_files_are_shown(client_with, chest, settings):
    client = client_with(files_key="k" * 40)
    sent = {"files": (io.BytesIO(chest.read_bytes()), "chest.jpg")}
    assert client.post("/api/v1/jobs", data=sent).status_code == 202
    for name in ("preview.png", "preview.png?max_side=1024", "preview.jpg", "film.png"):
        answer = client.get(f"/api/v1/images/1/{name}")
        assert answer.status_code == 200, name
        with Image.open(io.BytesIO(answer.data)) as opened:
            assert np.asarray(opened).std() > 20
    kept = [file for place in ("images", "pictures") for file in (settings.home / place).rglob("*")]
    sealed = [is_sealed(file.read_bytes()) for file in kept if file.is_file()]
    assert sealed == [True] * len(sealed)
    assert len(sealed) >= 3


def test_no_picture_is_drawn_where_the_worker_saved_one(client, upload, store, png, settings):
    upload({"a.png": png})
    key = store.image(1, 1).file_key
    with Image.open(io.BytesIO(png)) as opened:
        opened.resize((80, 60)).save(settings.images_dir / f"{key}.jpg")
    assert picture(client.get("/api/v1/images/1/preview.png")).shape == (60, 80, 3)
    assert not (settings.home / "pictures").exists()


def test_what_no_worker_could_decode_is_not_tried_again(client, upload, store, settings):
    upload({"a.png": b"x"})
    work(store, 1, lambda claim: replace(rejected(claim), reason="unreadable"))
    answer = client.get("/api/v1/images/1/preview.png")
    assert (answer.status_code, answer.json["code"]) == (404, "no_picture")
    assert "could not be decoded" in answer.json["detail"]


@pytest.mark.slow  # a process draws
def test_a_dicom_file_is_shown_as_png(client, upload, radiographs):
    upload({"chest.dcm": radiographs["RG1_J2KI"].read_bytes()})
    shown = picture(client.get("/api/v1/images/1/preview.png?max_side=256"))
    assert max(shown.shape) == 256
    assert shown.std() > 20


def test_the_overlay_goes_from_the_x_ray_to_the_map(client, classified):
    url = "/api/v1/images/1/attention.png?opacity="
    xray = picture(client.get("/api/v1/images/1/preview.png"))
    hidden, half, full = (picture(client.get(url + opacity)) for opacity in ("0", "0.5", "1"))
    assert np.array_equal(hidden, xray)
    assert np.abs(half - (hidden + full) / 2).max() <= 1
    assert np.abs(full - xray).max() > 50
    # Outside the part that the network saw, the X-ray shows.
    assert np.array_equal(full[:, 0], xray[:, 0])


def test_a_small_jpeg_is_what_the_worker_saved(client, upload, store, settings, png):
    upload({"a.png": png})
    work(store, 1)
    saved = io.BytesIO()
    Image.open(io.BytesIO(png)).save(saved, "JPEG")
    key = store.image(1, 1).file_key
    (settings.images_dir / f"{key}.jpg").write_bytes(saved.getvalue())
    answer = client.get("/api/v1/images/1/preview.jpg")
    assert (answer.content_type, answer.data) == ("image/jpeg", saved.getvalue())
    smaller = client.get("/api/v1/images/1/preview.jpg?max_side=64")
    with Image.open(io.BytesIO(smaller.data)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (64, 48))
    headers = {"If-None-Match": smaller.headers["ETag"]}
    again = client.get("/api/v1/images/1/preview.jpg?max_side=64", headers=headers)
    assert again.status_code == 304
    assert client.get("/api/v1/images/1/preview.jpg?max_side=5000").status_code == 422


def test_the_legend_shows_the_colours_of_the_map():
    style = (FOLDER / "image.css").read_text()
    gradient = style[style.index("linear-gradient(") :].split(";")[0]
    stops = [part.strip(" )#}") for part in gradient.split(",")[1:]]
    shown = [tuple(bytes.fromhex(stop)) for stop in stops]
    places = np.linspace(0, 255, len(shown)).round().astype(int)
    assert np.abs(colour_map()[places].astype(int) - np.array(shown)).max() <= 4


def test_the_map_as_numbers(client, classified):
    found = client.get("/api/v1/images/1/attention.json").json
    grid = np.array(found["grid"])
    assert grid.shape == (found["height"], found["width"]) == (9, 9)
    assert grid.min() >= 0
    assert grid.max() <= 1
    assert found["box"] == pytest.approx({"left": 0.05, "top": 0, "right": 0.95, "bottom": 1})
    assert found["model"] == "vgg_attention-1.0.0"


@pytest.mark.parametrize("name", ["preview.png", "attention.png", "attention.json"])
def test_pictures_are_kept_by_the_browser_until_they_change(client, classified, name):
    first = client.get(f"/api/v1/images/1/{name}")
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get(f"/api/v1/images/1/{name}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_every_opacity_and_size_is_a_picture_of_its_own(client, classified):
    url = "/api/v1/images/1/attention.png"
    queries = ("", "?opacity=0.5", "?max_side=64")
    assert len({client.get(url + query).headers["ETag"] for query in queries}) == 3


@pytest.mark.parametrize("query", ["opacity=-0.1", "opacity=1.1", "opacity=nan", "max_side=5000"])
def test_values_out_of_range_are_refused(client, classified, query):
    assert client.get(f"/api/v1/images/1/attention.png?{query}").status_code == 422


@pytest.mark.parametrize("name", ["attention.png", "attention.json"])
def test_a_map_that_does_not_exist(client, upload, store, name):
    upload({"a.png": b"x", "b.png": b"y", "c.png": b"z"})
    work(store, 1, rejected)
    work(store, 1, failed)
    answers = [client.get(f"/api/v1/images/{number}/{name}") for number in (1, 2, 3, 4)]
    assert [answer.status_code for answer in answers] == [404, 404, 409, 404]
    codes = [answer.json["code"] for answer in answers]
    assert codes == ["no_picture", "no_picture", "not_classified_yet", "not_found"]


def test_a_file_that_is_no_picture_has_no_preview(client, upload):
    upload({"notes.png": b"some text", "empty.png": b""})
    unreadable = client.get("/api/v1/images/1/preview.png")
    assert (unreadable.status_code, unreadable.json["code"]) == (404, "no_picture")
    never_kept = client.get("/api/v1/images/2/preview.png")
    assert (never_kept.status_code, never_kept.json["code"]) == (404, "no_picture")
