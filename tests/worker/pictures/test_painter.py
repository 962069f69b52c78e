"""Real drawing processes, with a decoder that dies or hangs on marked files."""

import io
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from PIL import Image

from tests.faults.sick_drawing import DIES, HANGS, SICK_PATH
from worker.errors import TooManyPictures
from worker.files.image_files import ImageFiles
from worker.files.sealing import is_sealed
from worker.pictures.files import FILM, PictureFiles
from worker.pictures.painter import MAX_WAITING, Painter
from worker.settings import Settings

pytestmark = pytest.mark.slow

LIMIT_S = 5.0  # also enough for a good file on a busy machine
ONE, OTHER = 1, 2


@pytest.fixture
def store(tmp_path) -> ImageFiles:
    return ImageFiles(tmp_path / "images")


@pytest.fixture
def pictures(store) -> PictureFiles:
    return PictureFiles(store, max_cache_mb=10)


@pytest.fixture
def painter(pictures, monkeypatch) -> Iterator[Painter]:
    monkeypatch.setenv("PYTHONPATH", SICK_PATH)
    painter = Painter(pictures, LIMIT_S)
    yield painter
    painter.close()


@pytest.fixture
def keep(store):
    """Puts a file into the image store. Returns: its key."""
    folder = store.new_folder()

    def keep(content: bytes) -> str:
        with folder.new_file() as incoming:
            incoming.write(content)
            return incoming.keep()

    return keep


def environments_of_children() -> list[str]:
    children = [
        child
        for task in Path("/proc/self/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return [Path(f"/proc/{child}/environ").read_text() for child in children]


def test_who_decodes_hostile_files_knows_no_secret(painter, keep, chest, monkeypatch):
    for variable in (
        "CXR_TOKEN",
        "CXR_SECRET_KEY",
        "CXR_FILES_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "PGPASSWORD",
    ):
        monkeypatch.setenv(variable, "a-secret")
    assert drawn(painter.small(ONE, keep(chest.read_bytes())))
    environments = environments_of_children()
    assert any("PYTHONPATH" in environment for environment in environments)
    assert not any("a-secret" in environment for environment in environments)


def drawn(future: "Future[bool]") -> bool:
    return future.result(30)


def size(picture: Path) -> tuple[str, tuple[int, int]]:
    with Image.open(picture) as opened:
        opened.load()
        return opened.format, opened.size


def test_pictures_in_both_sizes(pictures, keep, radiographs):
    painter = Painter(pictures, 60)
    key = keep(radiographs["RG1_J2KI"].read_bytes())
    assert drawn(painter.small(ONE, key))
    assert drawn(painter.large(ONE, key, 1024))
    kind, small = size(pictures.small(key))
    assert kind == "JPEG"
    assert min(small) >= 448
    kind, large = size(pictures.large(key, 1024))
    assert (kind, max(large)) == ("PNG", 1024)
    painter.close()


def test_pictures_of_encrypted_files_are_encrypted(tmp_path, chest):
    settings = Settings(home=tmp_path, files_key="k" * 40, min_free_mb=0)
    files = ImageFiles.of(settings)
    pictures = PictureFiles(files, max_cache_mb=10)
    painter = Painter(pictures, 60)
    incoming = files.new_folder().new_file()
    incoming.write(chest.read_bytes())
    key = incoming.keep()
    wanted = {
        pictures.small(key): painter.small(ONE, key),
        pictures.large(key, 1024): painter.large(ONE, key, 1024),
        pictures.large(key, FILM): painter.large(ONE, key, FILM),
    }
    for picture, future in wanted.items():
        assert drawn(future)
        assert is_sealed(picture.read_bytes())
        with Image.open(io.BytesIO(pictures.read(picture))) as opened:
            opened.load()
    pictures.large(key, 1024).unlink()
    painter.close()
    locked = Painter(PictureFiles(ImageFiles(files.root), max_cache_mb=10), 60)
    assert not drawn(locked.large(ONE, key, 1024))
    locked.close()


@pytest.mark.parametrize("marked", [*DIES, *HANGS])
def test_a_decoder_that_dies_or_hangs_costs_one_picture(
    painter, pictures, keep, chest, marked, caplog
):
    sick, good = keep(chest.read_bytes() + marked), keep(chest.read_bytes())
    drawn(painter.small(ONE, good))  # starts the process
    began = time.monotonic()
    assert not drawn(painter.large(ONE, sick, 1024))
    (said,) = caplog.messages
    assert said.startswith("a picture could not be drawn (")
    assert marked in DIES or time.monotonic() - began > LIMIT_S
    assert drawn(painter.large(ONE, good, 1024))
    assert time.monotonic() - began < LIMIT_S + 15
    assert not list(pictures.large(sick, 1024).parent.glob(f"{Path(sick).name}*"))
    began = time.monotonic()
    assert not drawn(painter.large(ONE, sick, 1024))  # known by now
    assert time.monotonic() - began < LIMIT_S / 2


def test_a_drawing_process_that_was_killed_is_started_again(painter, keep, chest):
    keys = [keep(chest.read_bytes()) for _ in range(2)]
    assert drawn(painter.small(ONE, keys[0]))
    for child in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in child.read_text().split():
            if "worker.pictures.draw" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(int(pid), signal.SIGKILL)
    assert drawn(painter.small(ONE, keys[1]))


def test_one_clinic_does_not_hold_up_another(painter, keep, chest):
    hanging = [painter.large(ONE, keep(b"hang for ever"), side) for side in range(1000, 1010)]
    good = keep(chest.read_bytes())
    drawn(painter.small(OTHER, good))  # starts the second process
    assert drawn(painter.large(OTHER, good, 1024))
    assert sum(future.done() for future in hanging) < len(hanging) / 2


def test_the_same_picture_is_drawn_once(painter, keep, chest):
    key = keep(chest.read_bytes())
    assert painter.large(ONE, key, 1024) is painter.large(ONE, key, 1024)


def test_a_clinic_cannot_wait_for_any_number(painter, keep):
    def ask_for_many() -> None:
        for _ in range(MAX_WAITING + 2):
            painter.small(ONE, keep(b"hang for ever"))

    with pytest.raises(TooManyPictures, match="Try again"):
        ask_for_many()


def test_a_file_that_is_encrypted_meanwhile_is_drawn_all_the_same(tmp_path, chest):
    plain = ImageFiles.of(Settings(home=tmp_path, min_free_mb=0))
    with plain.new_folder().new_file() as incoming:
        incoming.write(chest.read_bytes())
        key = incoming.keep()
    files = ImageFiles.of(Settings(home=tmp_path, files_key="k" * 40, min_free_mb=0))

    class EncryptedMeanwhile(PictureFiles):
        def keys(self, source, target):
            found = super().keys(source, target)
            if found[0] is None:  # after its key was asked for, before it is read
                assert files.encrypt(source)
            return found

    painter = Painter(EncryptedMeanwhile(files, max_cache_mb=10), LIMIT_S)
    try:
        assert drawn(painter.small(ONE, key))
    finally:
        painter.close()


def test_what_is_deleted_meanwhile_leaves_no_picture(painter, pictures, store, keep, chest):
    keys = [keep(chest.read_bytes()) for _ in range(4)]
    futures = [painter.large(ONE, key, 1024) for key in keys]
    store.delete(keys)
    for future in futures:
        drawn(future)
    assert not [file for file in store.picture_cache.rglob("*") if file.is_file()]
    assert not [file for file in store.root.rglob("*") if file.is_file()]


@pytest.fixture
def large(pictures, keep) -> list[Path]:
    """Pictures of 3 MB each, used one after the other."""
    made = []
    for _ in range(4):
        picture = pictures.large(keep(b"x"), 1024)
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(bytes(3_000_000))
        made.append(picture)
        time.sleep(0.01)
    return made


def test_what_was_just_drawn_is_there_to_be_shown(store, keep, chest):
    """Also where nothing is kept for later, or one picture is larger than all may be."""
    pictures = PictureFiles(store, max_cache_mb=0)
    painter = Painter(pictures, LIMIT_S)
    first, second = keep(chest.read_bytes()), keep(chest.read_bytes())
    for key in (first, second):
        assert painter.large(ONE, key, 1024).result()
        assert pictures.large(key, 1024).exists()
    assert not pictures.large(first, 1024).exists()
    painter.close()


def test_the_cache_keeps_what_was_used_last(pictures, large):
    pictures.used(large[0])
    pictures.trim()
    assert [picture.exists() for picture in large] == [True, False, True, True]
