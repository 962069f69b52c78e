"""Text that is burned into a film, in the pictures that people see of it."""

import io

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest

from model.classifier import Classifier
from tests.support.pictures import encoded
from tests.support.rows import worker_record
from worker.liveness.pulse import Pulse
from worker.patient_data import Profile
from worker.running.runner import Runner


def lettered(chest) -> bytes:
    """A chest X-ray with a name in its upper left corner."""
    with PIL.Image.open(chest) as opened:
        film = opened.convert("L")
    drawing = PIL.ImageDraw.Draw(film)
    drawing.rectangle((0, 0, 200, 24), fill=0)
    drawing.text((6, 4), "DOE^JANE 4711 1961", font=PIL.ImageFont.load_default(16), fill=255)
    return encoded(film, "PNG")


NAMES_OF_PICTURES = ("preview.png", "preview.jpg", "film.png", "preview.png?max_side=1024")


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


@pytest.mark.parametrize(
    ("profile", "chosen", "hides"),
    [
        (Profile.RESEARCH, False, True),
        (Profile.PSEUDONYM, True, True),
        (Profile.PSEUDONYM, False, False),
        (Profile.CLINICAL, True, False),
    ],
)
@pytest.mark.parametrize("worked", [False, True])
def test_text_is_hidden_in_every_picture_as_the_profile_demands(
    client, upload, store, clinic, files, chest, classifier, profile, chosen, hides, worked
):
    store.set_profile(clinic.id, profile, chosen)
    upload({"a.png": lettered(chest)})
    pictures = list(NAMES_OF_PICTURES)
    if worked:
        Runner(
            store,
            files,
            classifier,
            Pulse(store, worker_record("this"), lease_s=60, step_limit_s=60),
        ).run()
        assert client.get("/api/v1/images/1").json["facts"]["burned_in_text"] == "likely"
        pictures.append("attention.png?opacity=0")
    for name in pictures:
        answer = client.get(f"/api/v1/images/1/{name}")
        assert answer.status_code == 200, name
        with PIL.Image.open(io.BytesIO(answer.data)) as opened:
            scaled = 255 / (65_535 if opened.mode.startswith("I") else 255)
            shown = np.asarray(opened.convert("F") if scaled < 1 else opened.convert("L")) * scaled
        height, width = shown.shape
        corner = shown[: int(0.045 * height), : int(0.36 * width)]
        assert (corner.max() < 60) == hides, name
        assert shown[height // 4 :].std() > 20, name


@pytest.mark.parametrize("name", NAMES_OF_PICTURES)
def test_a_browser_does_not_keep_a_picture_from_before_text_was_hidden(
    client, upload, store, clinic, chest, name
):
    upload({"a.png": lettered(chest)})
    address = f"/api/v1/images/1/{name}"
    before = client.get(address)
    store.set_profile(clinic.id, Profile.PSEUDONYM, True)
    after = client.get(address, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    with PIL.Image.open(io.BytesIO(after.data)) as opened:
        shown = np.asarray(opened.convert("L"))
        height, width = shown.shape
        assert shown[: int(0.045 * height), : int(0.36 * width)].max() < 60
        assert opened.format == ("JPEG" if name.endswith("jpg") else "PNG")
