"""JSON uploads: what is read of them, and what that costs."""

import base64
import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.access import TOKEN
from web.api.uploads.inline import BrokenJson, UnexpectedJson, members

MEGABYTE = 1_000_000


@pytest.fixture
def peak_mb():
    """Tells the most memory that was in use since the test began, in megabytes."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1] / MEGABYTE
    tracemalloc.stop()


def send(client, body: bytes):
    return client.post("/api/v1/jobs", data=body, content_type="application/json")


@pytest.mark.slow
def test_a_million_tiny_images_are_refused_by_their_number(client_with, stored, peak_mb):
    client = client_with(max_job_images=1000)
    body = b'{"images":[' + b",".join([b'{"filename":"a","data":""}'] * 1_100_000) + b"]}"
    before = peak_mb()
    answer = send(client, body)
    assert (answer.status_code, answer.json["code"]) == (413, "too_many_images")
    assert peak_mb() - before < 120  # the body twice, and some of its images
    assert stored() == []


@pytest.mark.parametrize(
    "start", [b"[", b'{"images":[[', b'{"name":{"a":', b'{"images":[{"data":[']
)
def test_what_lies_deeper_than_an_image_is_not_read(client, start, peak_mb):
    body = start + b'{"a":1},' * 1_000_000
    before = peak_mb()
    answer = send(client, body)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_upload")
    assert peak_mb() - before < 40


@pytest.mark.slow
def test_large_bodies_at_once_take_turns_in_memory(app, peak_mb):
    content = base64.b64encode(bytes(22 * MEGABYTE)).decode()
    body = json.dumps({"images": [{"filename": "a.dcm", "data": content}]}).encode()
    before = peak_mb()

    def one(_: int) -> int:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        client = app.test_client()
        return client.post(
            "/api/v1/jobs", data=body, content_type="application/json", headers=headers
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == [202] * 8
    # One of them needs 115 MB, and the test itself holds the body of each once more.
    assert peak_mb() - before < 8 * len(body) / MEGABYTE + 2.5 * 115


def test_fields_may_come_after_the_images(client):
    image = {"filename": "a.png", "data": "eA=="}
    body = json.dumps({"images": [image], "name": "late", "urgent": True, "open": True})
    job = send(client, body.encode()).json
    assert (job["name"], job["urgent"], job["open"], job["counts"]["total"]) == (
        *("late", True, True),
        1,
    )


@pytest.mark.parametrize("field", ["multipart", "json"])
def test_a_name_that_is_too_long_is_refused(client, upload, stored, field):
    name = "n" * 201
    if field == "multipart":
        answer = upload({"a.png": b"x"}, name=name)
    else:
        answer = client.post(
            "/api/v1/jobs", json={"name": name, "images": [{"filename": "a", "data": "eA=="}]}
        )
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_upload")
    assert "at most 200" in answer.json["detail"] or "200 characters" in answer.json["detail"]
    assert stored() == []


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"images": []},
        {"name": "x", "images": [{"filename": "a", "data": "b"}, {}], "urgent": False},
        {"name": 'Ünï "quoted" \ud800 \U0001f9b4', "open": None, "n": -1.5e3},
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-le"])
@pytest.mark.parametrize("indent", [None, 2])
def test_members_are_what_the_standard_library_reads(value, encoding, indent):
    body = json.dumps(value, indent=indent, ensure_ascii=encoding != "utf-8")
    found = list(members(body.encode(encoding, "surrogatepass"), {"images"}))
    images = [value for name, value in found if name == "images"]
    assert images == value.get("images", [])
    rest = {name: one for name, one in value.items() if name != "images"}
    assert {name: one for name, one in found if name != "images"} == rest


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"{]", b"{1:2}", b'{"a"}', b'{"a":}', b'{"a":1,}', b'{"a":1}x', b'{"a":1 2}'),
        *(b'{"images":[{}', b'{"images":[{}{}]}', b'{"a":"\xff"}', b'{"a":tru}', b'{"a":"x'),
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_broken_json_is_told_from_unexpected_json(body):
    with pytest.raises((BrokenJson, UnexpectedJson)) as raised:
        list(members(body, {"images"}))
    assert raised.type is (BrokenJson if body else UnexpectedJson)


@pytest.mark.parametrize("body", [b"[]", b"1", b'{"images":{}}', b'{"images":[1]}', b'{"a":[]}'])
def test_values_of_another_shape_are_unexpected(body):
    with pytest.raises(UnexpectedJson):
        list(members(body, {"images"}))
