"""The maps that `cxr classify --maps` writes."""

import resource
import time
from pathlib import Path

import numpy as np
import pytest

from model.artifact import load_artifact
from model.classifier import Result
from model.classify.map_files import MapFolder
from model.input.preprocess import Box
from tests.support.commands import classified
from tests.support.pictures import png_of


@pytest.fixture
def toy_result() -> Result:
    maps = {"attention": np.zeros((14, 14), np.float16)}
    return Result("A", {"A": 1.0}, (), None, maps, Box(0, 0, 1, 1), "toy-1", 1.0)


def test_maps_on_request(radiographs, folder, tmp_path):
    out = tmp_path / "new" / "maps"
    _, (chest, page), _ = classified(
        "--maps", out, radiographs["RG1_J2KI"], folder / "b" / "page.png"
    )

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
    _, lines, _ = classified("--maps", tmp_path / "maps", *(tmp_path / name for name in names))

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
    code, lines, problem = classified("--maps", tmp_path / "file" / "maps", radiographs["RG1_J2KI"])

    assert (code, lines) == (1, [])
    assert problem.startswith("Error: The maps cannot be written")
