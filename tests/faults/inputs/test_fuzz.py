"""A short run of the fuzzer, the same every time, and what longer ones found."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from tests.faults.inputs.fuzz import FOUND
from tests.faults.inputs.fuzz_decode import Decoder
from tests.faults.inputs.fuzz_requests import Upload, uploads
from tests.faults.inputs.fuzz_seeds import image_seeds
from tests.faults.inputs.fuzz_upload import Server
from tests.faults.inputs.mutations import mutated

JSON = "application/json"
SHORT = {
    "database": None,
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@settings(max_examples=500, **SHORT)
@given(data=mutated(image_seeds()))
def test_a_damaged_image_is_a_picture_or_a_result(decoder, data):
    assert decoder.finding(data) is None


@settings(max_examples=200, **SHORT)
@given(upload=uploads())
def test_a_damaged_upload_is_taken_or_refused(server, upload):
    assert server.finding(upload) is None


@pytest.mark.parametrize("name", sorted(file.name for file in FOUND.glob("*.image")))
def test_images_that_were_found_once(decoder, name):
    assert decoder.finding((FOUND / name).read_bytes()) is None


@pytest.mark.parametrize("name", sorted(file.name for file in FOUND.glob("*.upload")))
def test_uploads_that_were_found_once(server, name):
    assert server.finding(Upload.load((FOUND / name).read_bytes())) is None


def test_the_fuzzer_sees_what_goes_wrong(decoder, server, monkeypatch):
    """A decoder that dies, and an endpoint that fails: both are findings, and both go on."""
    decoder.kill()
    assert decoder.finding(b"\x89PNG").key.startswith("crash -9")
    assert decoder.finding(b"") is None
    monkeypatch.setattr("web.api.uploads.bodies.InlineImage.model_validate", lambda _: 1 / 0)
    broken = server.finding(Upload(b'{"images": [{"filename": "a", "data": "YQ=="}]}', JSON))
    assert broken.key.startswith("ZeroDivisionError in test_fuzz.py")
    monkeypatch.undo()
    assert server.finding(Upload(b"[]", JSON)) is None
