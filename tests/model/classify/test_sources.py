"""`cxr classify` of files, folders, zips and pipes."""

import errno
import io
import json
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from model.classify import sources
from model.classify.sources import count, walk
from tests.support.commands import classified
from tests.support.pictures import png_of


def zip_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("sub")
        for name, content in members.items():
            archive.writestr(f"sub/{name}", content)
        archive.writestr("__MACOSX/sub/._a", b"junk")
        archive.writestr("sub/.DS_Store", b"junk")
    return file.getvalue()


def test_a_folder_in_order_without_hidden_files(folder):
    code, lines, _ = classified(folder)

    assert code == 0
    assert [Path(line["file"]).relative_to(folder).as_posix() for line in lines] == [
        "a.png",
        "b/notes.txt",
        "b/page.png",
    ]
    assert [line["status"] for line in lines] == ["done", "rejected", "rejected"]
    assert [line["reason"] for line in lines] == [None, "unsupported_format", "not_a_chest_xray"]


def test_a_missing_file_fails_and_the_others_go_on(folder):
    code, lines, _ = classified(folder / "none.png", folder / "a.png")

    assert code == 1
    assert [line["status"] for line in lines] == ["failed", "done"]
    assert lines[0]["reason"] == "not_found"


def test_a_zip_member_by_member(tmp_path, chest):
    good = png_of(chest.pixels)
    archive = tmp_path / "upload.bin"  # told by its content
    archive.write_bytes(zip_of(a=good, b=b"text", c=zip_of(d=good)))
    code, lines, _ = classified(archive)

    assert code == 0
    assert [line["file"] for line in lines] == [f"{archive}/sub/{name}" for name in "abc"]
    assert [line["status"] for line in lines] == ["done", "rejected", "rejected"]
    assert "zip archive" in lines[2]["message"]
    assert count([archive]) == 3


def test_a_damaged_member_has_a_result_of_its_own(tmp_path, chest):
    good = png_of(chest.pixels)
    data = bytearray(zip_of(a=good, b=good))
    data[200:400] = bytes(200)  # inside the first member
    archive = tmp_path / "a.zip"
    archive.write_bytes(data)
    _, lines, _ = classified(archive)

    assert [line["status"] for line in lines] == ["rejected", "done"]
    assert lines[0]["reason"] == "unreadable"


def test_a_damaged_member_of_an_unusual_kind_has_a_result_too(tmp_path, chest):
    archive = tmp_path / "upload.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.png", png_of(chest.pixels), zipfile.ZIP_LZMA)
        opened.writestr("b.png", png_of(chest.pixels))
    content = bytearray(archive.read_bytes())
    content[100:160] = bytes(60)
    archive.write_bytes(content)
    code, lines, _ = classified(archive)

    assert code == 0
    assert [(line["status"], line["reason"]) for line in lines] == [
        ("rejected", "unreadable"),
        ("done", None),
    ]


def test_what_is_no_file_is_not_waited_for(folder):
    os.mkfifo(folder / "a-pipe.png")
    assert [Path(source.name).name for source in walk([folder])] == [
        "a.png",
        "notes.txt",
        "page.png",
    ]


def test_a_pipe_that_is_named_is_read(folder, chest):
    """As `<(…)` in a shell, and `-`, which is standard input; also with an archive in it."""
    program = [sys.executable, "-m", "cxr", "classify", "--json", "-", "/dev/fd/3", "/dev/fd/4"]
    pipes = []
    for content in (zip_of(a=b"text"), b"more text"):
        read, write = os.pipe()
        os.write(write, content)
        os.close(write)
        pipes.append(read)
    moved = f"exec 3<&{pipes[0]} 4<&{pipes[1]}; " + shlex.join(program)
    done = subprocess.run(
        ["bash", "-c", moved], input=png_of(chest.pixels), capture_output=True, pass_fds=pipes
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]

    assert [(line["file"], line["status"]) for line in lines] == [
        ("-", "done"),
        ("/dev/fd/3/sub/a", "rejected"),
        ("/dev/fd/4", "rejected"),
    ]
    assert ["a text file" in line["message"] for line in lines[1:]] == [True, True]


def test_a_linked_folder_is_entered_once(folder):
    (folder / "loop").symlink_to(folder)
    (folder / "c").symlink_to(folder / "b")

    assert sorted(Path(source.name).name for source in walk([folder])) == [
        "a.png",
        "notes.txt",
        "page.png",
    ]
    (elsewhere := folder.parent / f"{folder.name} elsewhere").mkdir()
    (elsewhere / "far.png").write_bytes(b"text")
    (folder / "link").symlink_to(elsewhere)
    assert f"{folder}/link/far.png" in [source.name for source in walk([folder])]


def test_a_folder_that_may_not_be_listed_has_a_result(folder, monkeypatch):
    scandir = os.scandir

    def closed(path: str):
        if Path(path).name == "b":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    code, lines, _ = classified(folder)

    assert code == 1
    assert [(Path(line["file"]).name, line["reason"]) for line in lines] == [
        ("a.png", None),
        ("b", "not_readable"),
    ]
    assert count([folder]) == 2


@pytest.mark.parametrize("name", ["./a.png", "./sub/a.png", "sub\\a.png"])
def test_members_as_other_programs_name_them(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"text")
        archive.writestr("./.hidden/a.png", b"text")
        archive.writestr("folder\\", b"")

    assert len(list(walk([tmp_path / "a.zip"]))) == count([tmp_path / "a.zip"]) == 1


def test_members_that_are_too_many_are_not_left_out_in_silence(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_MEMBERS", 2)
    (tmp_path / "a.zip").write_bytes(zip_of(a=b"text", b=b"text", c=b"text"))
    *_, last = found = list(walk([tmp_path / "a.zip"]))

    assert len(found) == count([tmp_path / "a.zip"]) == 3
    assert (last.name, last.content.code) == (str(tmp_path / "a.zip"), "too_large")


def test_a_damaged_zip_has_one_result(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_of(a=b"hello")[:60])
    code, (line,), _ = classified(archive)

    assert code == 0
    assert line["reason"] == "unreadable"
    assert count([archive]) == 1


def test_a_locked_member_is_told_so(tmp_path):
    data = bytearray(zip_of(a=b"hello"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(signature)
        while place >= 0:
            data[place + offset] |= 1
            place = data.find(signature, place + 1)
    archive = tmp_path / "a.zip"
    archive.write_bytes(data)

    assert "password" in classified(archive)[1][0]["message"]


def test_zips_are_read_only_as_far_as_needed(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_of(**{f"{n:04}": b"x" for n in range(500)}))
    sources = walk([archive])

    assert next(sources).content == b"x"
    sources.close()
