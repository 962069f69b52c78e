import errno
import io
import json
import os
import resource
import shlex
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cxr import main
from model.artifact import load_artifact
from model.classifier import Result
from model.classify import sources
from model.classify.cli import DISCLAIMER, classify
from model.classify.map_files import MapFolder
from model.classify.results import FileResult
from model.classify.sources import count, walk
from model.gate.frontal import released
from model.input.preprocess import Box
from tests.support.pictures import NOT_CHESTS, png_of

FIELDS = {
    "file",
    "status",
    "reason",
    "message",
    "label",
    "probabilities",
    "uncertain",
    "uncertain_reasons",
    "triage",
    "model",
    "gate",
    "maps",
    "timings_ms",
}


def run(*arguments: object) -> tuple[int, list[dict], str]:
    result = CliRunner().invoke(classify, ["--json", *map(str, arguments)])
    return (
        result.exit_code,
        [json.loads(line) for line in result.stdout.splitlines()],
        result.stderr,
    )


@pytest.fixture
def folder(tmp_path, chest) -> Path:
    """A chest, a page, a text file and hidden files, in two levels."""
    (tmp_path / "b").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "a.png").write_bytes(png_of(chest.pixels))
    (tmp_path / "b" / "page.png").write_bytes(png_of(NOT_CHESTS["text_page"]()))
    (tmp_path / "b" / "notes.txt").write_text("nothing of note")
    (tmp_path / "b" / ".hidden.png").write_bytes(b"")
    (tmp_path / ".cache" / "c.png").write_bytes(b"")
    return tmp_path


@pytest.fixture
def toy_result() -> Result:
    maps = {"attention": np.zeros((14, 14), np.float16)}
    return Result("A", {"A": 1.0}, (), None, maps, Box(0, 0, 1, 1), "toy-1", 1.0)


def zip_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("sub")
        for name, content in members.items():
            archive.writestr(f"sub/{name}", content)
        archive.writestr("__MACOSX/sub/._a", b"junk")
        archive.writestr("sub/.DS_Store", b"junk")
    return file.getvalue()


def test_a_chest_and_a_leg(radiographs):
    code, (chest, leg), _ = run(radiographs["RG1_UNCI"], radiographs["RG3_UNCI"])

    assert code == 0
    assert set(chest) == set(leg) == FIELDS
    assert chest["status"] == "done"
    assert list(chest["probabilities"]) == list(load_artifact().labels)
    assert chest["label"] == max(chest["probabilities"], key=chest["probabilities"].get)
    assert chest["reason"] is chest["message"] is chest["maps"] is None
    assert 0.5 < chest["gate"]["score"] <= 1
    assert chest["timings_ms"]["infer"] > 0
    assert leg["status"] == "rejected"
    assert leg["reason"] == "not_a_chest_xray"
    assert leg["message"].endswith(".")
    assert leg["label"] is leg["probabilities"] is leg["model"] is None


def test_the_gates_score_of_what_it_refuses(folder):
    code, (page,), _ = run(folder / "b" / "page.png")

    assert code == 0
    assert page["reason"] == "not_a_chest_xray"
    assert page["gate"]["version"] == released().version
    assert 0 <= page["gate"]["score"] < 0.5


def test_maps_on_request(radiographs, folder, tmp_path):
    out = tmp_path / "new" / "maps"
    _, (chest, page), _ = run("--maps", out, radiographs["RG1_J2KI"], folder / "b" / "page.png")

    assert chest["maps"] == str(out / "RG1_J2KI.npz")
    assert page["maps"] is None
    assert [file.name for file in out.iterdir()] == ["RG1_J2KI.npz"]
    with np.load(chest["maps"]) as arrays:
        model = load_artifact()
        assert set(arrays) == {*model.maps, "box"}
        for name in model.maps:
            assert arrays[name].shape == (model.preprocessing.size // 16,) * 2
        assert 0 <= arrays["attention"].min() < arrays["attention"].max() <= 1
        left, top, right, bottom = arrays["box"]
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


def test_files_of_one_name_keep_their_maps_apart(tmp_path, chest):
    names = ["a/X 1.png", "b/X 1.png", "c/x_1.png", "d/1.2.840.5"]
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(png_of(chest.pixels ** (1 + number / 4)))
    _, lines, _ = run("--maps", tmp_path / "maps", *(tmp_path / name for name in names))

    assert [Path(line["maps"]).name for line in lines] == [
        "X_1.npz",
        "X_1-2.npz",
        "x_1-3.npz",
        "1.2.840.5.npz",
    ]
    first, second = (np.load(line["maps"])["attention"] for line in lines[:2])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("..", "image"),
        ("scans.zip/../../etc/passwd", "passwd"),
        ("..\\evil.png", "evil"),
        (".hidden.dcm", "hidden"),
        ("a\n\u202eb.JPG", "a_b"),
        ("ä.png", "image"),
        ("x" * 300, "x" * 120),
    ],
)
def test_names_that_a_sender_chose_stay_in_the_folder(tmp_path, toy_result, file, name):
    written = MapFolder(tmp_path).write(file, toy_result)

    assert written == tmp_path / f"{name}.npz"
    assert written.is_file()


def test_many_files_of_one_name_are_numbered_quickly(tmp_path):
    folder = MapFolder(tmp_path)
    started = time.perf_counter()
    names = [folder._unique("IM0001") for _ in range(20_000)]

    assert len(set(names)) == 20_000
    assert time.perf_counter() - started < 2


def test_maps_for_which_the_disk_has_no_room_leave_nothing(tmp_path, toy_result):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            MapFolder(tmp_path).write("a.png", toy_result)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path, radiographs):
    (tmp_path / "file").write_text("")
    code, lines, problem = run("--maps", tmp_path / "file" / "maps", radiographs["RG1_J2KI"])

    assert (code, lines) == (1, [])
    assert problem.startswith("Error: The maps cannot be written")


def test_a_folder_in_order_without_hidden_files(folder):
    code, lines, _ = run(folder)

    assert code == 0
    assert [Path(line["file"]).relative_to(folder).as_posix() for line in lines] == [
        "a.png",
        "b/notes.txt",
        "b/page.png",
    ]
    assert [line["status"] for line in lines] == ["done", "rejected", "rejected"]
    assert [line["reason"] for line in lines] == [None, "unsupported_format", "not_a_chest_xray"]


def test_a_missing_file_fails_and_the_others_go_on(folder):
    code, lines, _ = run(folder / "none.png", folder / "a.png")

    assert code == 1
    assert [line["status"] for line in lines] == ["failed", "done"]
    assert lines[0]["reason"] == "not_found"


def test_a_zip_member_by_member(tmp_path, chest):
    good = png_of(chest.pixels)
    archive = tmp_path / "upload.bin"  # told by its content
    archive.write_bytes(zip_of(a=good, b=b"text", c=zip_of(d=good)))
    code, lines, _ = run(archive)

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
    _, lines, _ = run(archive)

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
    code, lines, _ = run(archive)

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
    code, lines, _ = run(folder)

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


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_folder_without_files_is_wrong_use(tmp_path, arguments):
    result = CliRunner().invoke(classify, [*arguments, str(tmp_path)])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"There are no files in {tmp_path}." in result.stderr


def test_a_damaged_zip_has_one_result(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_of(a=b"hello")[:60])
    code, (line,), _ = run(archive)

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

    assert "password" in run(archive)[1][0]["message"]


def test_zips_are_read_only_as_far_as_needed(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(zip_of(**{f"{n:04}": b"x" for n in range(500)}))
    sources = walk([archive])

    assert next(sources).content == b"x"
    sources.close()


def test_the_table_says_what_this_is_not(folder):
    result = CliRunner().invoke(classify, [str(folder)], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert DISCLAIMER in result.stdout
    assert "1 done, 2 rejected" in result.stdout
    assert "a text file" in result.stdout


def test_ctrl_c_shows_what_is_known_by_then(folder, monkeypatch):
    def interrupted(*_):
        yield FileResult("a.png", "rejected", "unreadable", "The file is empty.")
        raise KeyboardInterrupt

    monkeypatch.setattr("model.classify.cli.classify_files", interrupted)
    result = CliRunner().invoke(main, ["classify", str(folder)], env={"COLUMNS": "200"})

    assert result.exit_code == 130
    assert "1 rejected" in result.stdout
    assert "The file is empty." in result.stdout


def test_no_paths_is_wrong_use():
    assert CliRunner().invoke(classify, []).exit_code == 2


def test_no_model_is_one_sentence(tmp_path, radiographs):
    code, lines, problem = run("--artifact", tmp_path, radiographs["RG1_J2KI"])

    assert code == 1
    assert lines == []
    assert problem.startswith("Error: There is no model")


@pytest.mark.slow
def test_the_real_command_without_tensorflow(radiographs):
    """In a process of its own: lines come as JSON, and TensorFlow is never imported."""
    program = (
        "import sys\n"
        "from cxr import main\n"
        "try: main()\n"
        "finally:\n"
        "    heavy = {'tensorflow', 'keras', 'torch', 'matplotlib', 'sklearn'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "classify", "--json", str(radiographs["RG1_J2KI"])],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout)["status"] == "done"
    assert done.stderr.splitlines()[-1] == "[]"
