import io
import random
import struct
import zipfile

import pytest


def archive(members: dict[str, bytes], compression=zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def rows(upload, store, clinic):
    """Uploads {filename: bytes} and gives the rows by filename."""

    def send(contents: dict[str, bytes]):
        answer = upload(contents)
        assert answer.status_code == 202, answer.text
        images = store.images(clinic.id, answer.json["id"], limit=500).items
        return {image.filename: image for image in images}

    return send


def test_each_member_becomes_an_image(rows, files, png):
    found = rows({"night.zip": archive({"ward/a.png": png, "b.dcm": b"dicom"}), "c.png": png})
    assert list(found) == ["night.zip/ward/a.png", "night.zip/b.dcm", "c.png"]
    assert files.path(found["night.zip/ward/a.png"].file_key).read_bytes() == png


def test_a_zip_is_known_by_its_content(rows, png):
    assert list(rows({"download": archive({"a.png": png})})) == ["download/a.png"]
    assert rows({"not-really.zip": png})["not-really.zip"].status == "waiting"


def test_folders_and_hidden_files_are_left_out(rows, png):
    contents = {
        "a/": b"",
        "b\\": b"",
        "a/.DS_Store": b"x",
        "__MACOSX/a/._x.png": b"x",
        ".git/b": b"x",
    }
    assert list(rows({"z.zip": archive(contents | {"a/x.png": png})})) == ["z.zip/a/x.png"]


def test_members_never_leave_the_store(rows, settings, png):
    found = rows({"evil.zip": archive({"../../../evil.png": png, "/abs.png": png})})
    assert list(found) == ["evil.zip/evil.png", "evil.zip/abs.png"]
    assert not list(settings.home.parent.rglob("evil.png"))


def test_a_broken_archive_is_one_rejected_row(rows, stored, png):
    whole = archive({"a.png": png})
    found = rows({"cut.zip": whole[:-30], "junk.zip": b"PK\x03\x04" + bytes(500)})
    assert {row.reason for row in found.values()} == {"unreadable"}
    assert stored() == []


def test_an_empty_archive_says_so(rows):
    assert "no files" in rows({"empty.zip": archive({})})["empty.zip"].message


def test_a_damaged_member_is_rejected_alone(rows, png):
    content = bytearray(archive({"bad.png": png, "good.png": png}, zipfile.ZIP_STORED))
    content[content.find(png) + len(png) // 2] ^= 1
    found = rows({"z.zip": bytes(content)})
    assert found["z.zip/bad.png"].reason == "unreadable"
    assert "damaged inside its zip archive" in found["z.zip/bad.png"].message
    assert found["z.zip/good.png"].status == "waiting"


def test_an_encrypted_member_is_rejected_alone(rows, png):
    content = bytearray(archive({"locked.png": b"secret", "good.png": png}))
    directory = content.find(b"PK\x01\x02")
    content[6] |= 1
    content[directory + 8] |= 1
    found = rows({"z.zip": bytes(content)})
    assert found["z.zip/locked.png"].reason == "encrypted"
    assert found["z.zip/good.png"].status == "waiting"


def test_an_archive_in_an_archive_is_rejected(rows, png):
    found = rows({"z.zip": archive({"inner.zip": archive({"a.png": png}), "b.png": png})})
    assert found["z.zip/inner.zip"].reason == "nested_archive"
    assert found["z.zip/b.png"].status == "waiting"


def test_an_unknown_compression_is_rejected_alone(rows, png):
    content = bytearray(archive({"odd.png": png, "good.png": png}))
    directory = content.find(b"PK\x01\x02")
    struct.pack_into("<H", content, 8, 97)
    struct.pack_into("<H", content, directory + 10, 97)
    found = rows({"z.zip": bytes(content)})
    assert found["z.zip/odd.png"].reason == "unreadable"
    assert found["z.zip/good.png"].status == "waiting"


def send(client, content: bytes):
    return client.post("/api/v1/jobs", data={"files": (io.BytesIO(content), "z.zip")})


def padded(size_bytes: int) -> bytes:
    """Content that packs about a hundred times."""
    return random.randbytes(size_bytes // 100).ljust(size_bytes, b"\0")


@pytest.mark.slow
def test_what_packs_as_no_xray_does_is_never_unpacked(rows, stored, png):
    bombs = {f"{number}.png": bytes(20_000_000) for number in range(30)}
    content = archive(bombs | {"small.png": bytes(9_000), "chest.png": png})
    assert len(content) < 700_000
    found = rows({"z.zip": content})
    reasons = [found[f"z.zip/{name}"].reason for name in bombs]
    assert reasons == ["packed_too_densely"] * 30
    assert found["z.zip/small.png"].status == found["z.zip/chest.png"].status == "waiting"
    assert sum(path.stat().st_size for path in stored()) < 50_000


def test_members_that_share_their_data_are_refused(rows, stored):
    content = archive({"0.png": random.randbytes(1_000_000)}, zipfile.ZIP_STORED)
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    tail = bytearray(content[end:])
    struct.pack_into("<2HL", tail, 8, 50, 50, 50 * (end - start))
    found = rows({"z.zip": content[:start] + 50 * content[start:end] + bytes(tail)})
    assert (found["z.zip"].reason, list(found)) == ("unreadable", ["z.zip"])
    assert "more than once" in found["z.zip"].message
    assert stored() == []


def test_a_zip_bomb_is_bounded(client_with, store, clinic, stored):
    client = client_with(max_upload_mb=5, max_image_mb=2)
    members = {f"{number}.png": padded(1_900_000) for number in range(6)}
    content = archive(members | {"big": padded(2_100_000)})
    assert len(content) < 200_000
    answer = send(client, content)
    reasons = [image.reason for image in store.images(clinic.id, answer.json["id"]).items]
    assert reasons == [None, None, *["archive_too_large"] * 4, "too_large"]
    assert sum(path.stat().st_size for path in stored()) <= 5_000_000


def test_a_member_that_is_larger_than_it_says_is_cut_and_rejected(rows, png):
    content = bytearray(archive({"liar.png": png + bytes(1_000_000)}))
    directory = content.find(b"PK\x01\x02")
    struct.pack_into("<L", content, 22, 10)
    struct.pack_into("<L", content, directory + 24, 10)
    found = rows({"z.zip": bytes(content)})["z.zip/liar.png"]
    assert found.reason == "unreadable"
    assert "damaged inside its zip archive" in found.message


def test_too_many_members_refuse_the_upload(client_with, stored):
    client = client_with(max_job_images=100)
    answer = send(client, archive({f"{number}.png": b"x" for number in range(101)}))
    assert (answer.status_code, answer.json["code"]) == (413, "too_many_images")
    assert stored() == []


def test_a_table_of_contents_over_the_bound_is_not_read(client_with, store, clinic):
    client = client_with(max_job_images=10)
    answer = send(client, archive({f"{'x' * 12_000}{number}": b"" for number in range(100)}))
    image = store.images(clinic.id, answer.json["id"]).items[0]
    assert (image.filename, image.reason) == ("z.zip", "unreadable")
    assert "too many" in image.message
