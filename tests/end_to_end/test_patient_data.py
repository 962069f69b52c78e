"""The profile `research`, from upload to export, on real DICOM files and photographs of films."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from PIL import Image, PngImagePlugin

from tests.support.commands import cxr
from tests.support.waiting import wait_for
from worker.files.image_files import ImageFiles
from worker.settings import Settings
from worker.store import Store

# In names, tags and texts of the files below; none may be left of a patient, their days or places.
SECRETS = (
    *(b"CompressedSamples", b"9RG1", b"19400305", b"20040826", b"19950926", b"Hamburg"),
    *(b"THORAX", b"exam Number", b"1.3.6.1.4.1.5962", b"92.00.003", b"11RG3", b"19790408"),
    *(b"HIGASHI", b"FUJI95706", b"19921225", b"fibroma", b"Doe"),
)
# A number of the patient, by itself: new UIDs are of random digits, and hold any five by chance.
NUMBER = re.compile(rb"(?<![\d.])26210(?![\d.])")


def left_in(content: bytes) -> list[bytes]:
    """What of the patient is in a file or an answer."""
    return [secret for secret in SECRETS if secret in content] + NUMBER.findall(content)


@pytest.fixture(scope="module")
def sent(radiographs, chest) -> dict[str, bytes]:
    """Files by the names that they are sent with."""
    said = Image.Exif()
    said[0x013B], said[0x010E] = "Jane Doe", "Doe, chest"
    said.get_ifd(0x8825)[29] = "2020:Doe"
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Jane Doe")
    photograph, drawing = io.BytesIO(), io.BytesIO()
    with Image.open(chest) as film:
        film.save(photograph, "JPEG", exif=said, comment=b"Jane Doe", quality=95)
        film.save(drawing, "PNG", pnginfo=texts)
    return {
        "Doe^Jane.dcm": radiographs["RG1_UNCR"].read_bytes(),
        "Doe^Jane, again.dcm": radiographs["RG1_J2KR"].read_bytes(),
        "Doe, leg.dcm": radiographs["RG3_UNCR"].read_bytes(),
        "Jane Doe.jpg": photograph.getvalue(),
        "Jane Doe.png": drawing.getvalue(),
    }


@pytest.fixture(scope="module")
def results(stack, sent) -> Callable[[str], tuple[httpx.Client, list[dict]]]:
    """Sends the files to a new clinic with this profile. Returns: a program of it, and results."""

    def classify(profile: str) -> tuple[httpx.Client, list[dict]]:
        clinic = f"clinic with {profile}"
        scopes = [word for scope in ("read", "upload", "admin") for word in ("--scope", scope)]
        home = {"CXR_HOME": str(stack.home)}
        made = cxr("token", "create", "--clinic", clinic, *scopes, "--json", **home)
        assert cxr("patient-data", "set", clinic, profile, **home).exit_code == 0
        program = httpx.Client(
            base_url=f"{stack.url}/api/v1",
            headers={"Authorization": f"Bearer {json.loads(made.output)['token']}"},
            timeout=60,
        )
        files = [("files", named) for named in sent.items()]
        job = program.post("/jobs", files=files).json()["id"]
        wait_for(lambda: program.get(f"/jobs/{job}").json()["status"] == "complete", timeout_s=180)
        return program, program.get(f"/jobs/{job}/images").json()["items"]

    return classify


def stored(home: Path, images: list[dict]) -> list[bytes]:
    """The files of images as they lie on the disk."""
    settings = Settings(home=home)
    store, files = Store(settings.database_url), ImageFiles(settings.images_dir)
    try:
        rows = {row.id: row for name in ("research", "clinical") for row in of_clinic(store, name)}
        return [files.path(rows[image["id"]].file_key).read_bytes() for image in images]
    finally:
        store.close()


def of_clinic(store: Store, profile: str) -> list:
    return list(store.all_images(store.clinic_named(f"clinic with {profile}").id, None))


def test_research_keeps_the_film_and_nothing_of_the_patient(stack, sent, results):
    program, cleaned = results("research")
    _, kept = results("clinical")

    # The same films: as right as they were.
    assert [image["status"] for image in cleaned] == ["done", "done", "rejected", "done", "done"]
    for ours, theirs in zip(cleaned, kept, strict=True):
        assert (ours["status"], ours["reason"]) == (theirs["status"], theirs["reason"])
        if theirs["result"]:
            assert ours["result"]["label"] == theirs["result"]["label"]
            found = [image["result"]["probabilities"] for image in (ours, theirs)]
            assert np.allclose(*(list(each.values()) for each in found), atol=1e-6)

    files = dict(zip(sent, stored(stack.home, cleaned), strict=True))
    assert stored(stack.home, kept) == list(sent.values()), "clinical keeps files as they came"
    for name, content in files.items():
        assert left_in(sent[name]), "what came is full of it"
        assert not left_in(content), name
        assert content != sent[name]
    first, again, leg = (pydicom.dcmread(io.BytesIO(files[name])) for name in list(files)[:3])
    given = pydicom.dcmread(io.BytesIO(sent["Doe^Jane.dcm"]))
    assert first.PixelData == given.PixelData
    assert first.PatientID == again.PatientID != leg.PatientID
    assert first.StudyInstanceUID == again.StudyInstanceUID
    assert first.StudyDate < given.StudyDate
    assert first.PatientIdentityRemoved == "YES"
    for name in ("Jane Doe.jpg", "Jane Doe.png"):
        pixels = [np.asarray(Image.open(io.BytesIO(data))) for data in (files[name], sent[name])]
        assert np.array_equal(*pixels)

    # What people and programs see.
    names = [image["filename"] for image in cleaned]
    assert names == [f"image-{n + 1:04d}{Path(name).suffix}" for n, name in enumerate(sent)]
    removed = [set(image["deidentified"]["removed"]) for image in cleaned]
    assert {"InstitutionName", "PatientSex"} <= removed[0] | {
        *cleaned[0]["deidentified"]["replaced"]
    }
    assert (removed[3], removed[4]) == ({"EXIF", "comment"}, {"tEXt"})
    job, one = cleaned[0]["job_id"], cleaned[0]["id"]
    for path in (
        *(f"/jobs/{job}/results.csv", f"/jobs/{job}/results.json", f"/images/{one}"),
        *(f"/images/{one}/film.png", f"/images/{cleaned[3]['id']}/preview.png"),
    ):
        answer = program.get(path)
        assert answer.status_code == 200, path
        assert not left_in(answer.content), path
    original = program.get(f"/images/{one}/original-name").json()["original_name"]
    assert original == "Doe^Jane.dcm"
