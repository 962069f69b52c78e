"""Files that are stored already are encrypted, or with another key, while others work with them."""

import json
import random
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from worker.audit import Action
from worker.commands.stored_files import files as command
from worker.errors import FilesBusy, NotFound, StorageUnavailable
from worker.files.encrypting import KeyUse, encrypt_stored, key_uses
from worker.files.image_files import ImageFiles
from worker.files.locks import remove
from worker.files.sealing import FileKeys, is_sealed, key_id, sealed
from worker.files.unfinished import UnfinishedUploads
from worker.intake.receiving import Intake
from worker.settings import Settings

OLD, NEW = "o" * 40, "n" * 40
OLD_ID, NEW_ID = FileKeys([OLD, NEW]).ids
PICTURE = b"\xff\xd8 a small picture"


@pytest.fixture
def opened(settings):
    """The files and unfinished uploads of this machine, with these keys."""

    def with_keys(*keys: str) -> tuple[ImageFiles, UnfinishedUploads]:
        files = ImageFiles.of(Settings(home=settings.home, files_key=",".join(keys), min_free_mb=0))
        return files, UnfinishedUploads.of(files, settings)

    return with_keys


@pytest.fixture
def received(settings, store, clinic, opened):
    """Stores X-rays with their small and large pictures. Returns: their keys, by their content."""

    def receive(*keys: str, count: int = 3) -> dict[str, bytes]:
        files, _ = opened(*keys)
        contents = [bytes([number]) * 70_000 for number in range(count)]
        with Intake(store, files, settings, lambda _: None).receive(clinic.id) as upload:
            for number, content in enumerate(contents):
                upload.add(f"{number}.png", [content])
            job_id = upload.accept("a job").id
        images = list(store.all_images(clinic.id, job_id))
        for image in images:
            files.write(files.small_picture(image.file_key), PICTURE)
            folder, _, name = image.file_key.partition("/")
            large = files.picture_cache / folder / f"{name}.1024.png"
            large.parent.mkdir(parents=True, exist_ok=True)
            files.write(large, PICTURE)
        return {image.file_key: content for image, content in zip(images, contents, strict=True)}

    return receive


def all_files(files: ImageFiles) -> list[Path]:
    found = [*files.root.rglob("*"), *files.picture_cache.rglob("*")]
    return [file for file in found if file.is_file()]


def test_what_is_stored_is_encrypted_and_comes_back(store, received, opened):
    kept = received()
    plain, unfinished = opened()
    assert {use.id: use.files for use in key_uses(store, plain, unfinished)} == {None: 9}
    assert not any(is_sealed(file.read_bytes()) for file in all_files(plain))

    files, unfinished = opened(NEW)
    steps = []
    done = encrypt_stored(store, files, unfinished, lambda: steps.append(1))
    assert (done.files, done.left, done.forgotten, len(steps)) == (9, (), (), 3)
    assert {key_id(file.read_bytes()) for file in all_files(files)} == {NEW_ID}
    assert len(all_files(files)) == 9
    for key, content in kept.items():
        assert files.read(files.path(key)) == content
        assert files.read(files.small_picture(key)) == PICTURE
    assert encrypt_stored(store, files, unfinished).files == 0, "once is enough"


def test_another_key_takes_the_place_of_the_former_one(store, received, opened):
    kept = received(OLD) | received(OLD, count=2)
    files, unfinished = opened(NEW, OLD)
    received(NEW, OLD)
    uses = {use.id: use.files for use in key_uses(store, files, unfinished)}
    assert uses == {OLD_ID: 15, NEW_ID: 9}
    done = encrypt_stored(store, files, unfinished)
    assert (done.files, done.left, done.forgotten) == (15, (), (OLD_ID,))
    files, _ = opened(NEW)  # starts without the former key
    assert all(files.read(files.path(key)) == content for key, content in kept.items())


def test_a_run_that_was_stopped_goes_on_with_what_is_left(store, received, opened):
    kept = received(OLD, count=5)
    files, unfinished = opened(NEW, OLD)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encrypt_stored(store, files, unfinished, stop)
    # What a killed process leaves beside the file that it was at.
    torn = files.path(list(kept)[1]).with_name(f"{files.path(list(kept)[1]).name}.encrypted")
    torn.write_bytes(b"half of it")
    assert files.noted_keys() == {OLD_ID, NEW_ID}
    done = encrypt_stored(store, files, unfinished)
    assert (done.files, done.forgotten) == (13, (OLD_ID,))
    assert not torn.exists()
    assert all(files.read(files.path(key)) == content for key, content in kept.items())


def test_an_upload_on_its_way_keeps_the_key_that_it_needs(store, clinic, received, opened):
    received(OLD, count=1)
    _, before = opened(OLD)
    upload = before.begin(clinic.id, 1, 100, "a.png")
    files, unfinished = opened(NEW, OLD)
    done = encrypt_stored(store, files, unfinished)
    assert [(use.id, use.files) for use in done.left] == [(OLD_ID, 1)]
    assert done.forgotten == ()
    assert unfinished.find(clinic.id, upload.id).length == 100
    unfinished.delete(clinic.id, upload.id)
    with pytest.raises(NotFound):
        unfinished.find(clinic.id, upload.id)
    assert encrypt_stored(store, files, unfinished).forgotten == (OLD_ID,)


def test_a_damaged_file_is_left_and_named(store, received, opened, caplog):
    kept = received(OLD)
    files, unfinished = opened(NEW, OLD)
    damaged = files.path(list(kept)[1])
    damaged.write_bytes(damaged.read_bytes()[:-1])
    done = encrypt_stored(store, files, unfinished)
    assert [(use.id, use.files) for use in done.left] == [(OLD_ID, 1)]
    assert str(damaged.relative_to(files.root.parent)) in caplog.text
    assert done.forgotten == ()


def test_a_file_that_was_changed_or_deleted_meanwhile_stays_so(received, opened, monkeypatch):
    """Between reading a file and putting the encrypted one in its place."""
    first, second = received(count=2)
    files, _ = opened(NEW)

    def meanwhile(change, key: str) -> bool:
        # At the last moment: when the encrypted copy is written.
        monkeypatch.setattr(
            "worker.files.image_files.write_durably",
            lambda written, content: (written.write_bytes(content), change()),
        )
        return files.encrypt(files.path(key))

    assert meanwhile(lambda: files.write(files.path(first), b"cleaned"), first) is False
    assert files.read(files.path(first)) == b"cleaned"
    with pytest.raises(FileNotFoundError):
        meanwhile(lambda: files.delete([second]), second)
    assert not files.path(second).exists()
    assert not list(files.root.rglob("*.encrypted"))


def test_nothing_that_others_do_is_undone(received, opened):
    """Threads replace and delete files while two keys take turns in encrypting them."""
    kept = list(received(NEW, count=12))
    (first, _), (second, _) = opened(NEW, OLD), opened(OLD, NEW)
    stop, wrong = threading.Event(), []
    last: dict[str, bytes] = {}

    def work_on(keys: list[str], seed: int) -> None:
        chance = random.Random(seed)
        for number in range(150):
            for key in keys:
                if key not in last and number:
                    continue  # deleted
                if number > 75 and chance.random() < 0.02:
                    remove(first.path(key))
                    del last[key]
                else:
                    last[key] = b"%d of %d" % (number, seed)
                    first.write(first.path(key), last[key])
                if key in last and first.read(first.path(key)) != last[key]:
                    wrong.append(key)

    def encrypt_all() -> None:
        while not stop.is_set():
            for files in (first, second):
                for key in kept:
                    if first.path(key).exists():
                        try:
                            files.encrypt(files.path(key))
                        except FileNotFoundError:
                            continue

    encrypting_them = threading.Thread(target=encrypt_all)
    working = [threading.Thread(target=work_on, args=(kept[n::3], n)) for n in range(3)]
    for thread in (encrypting_them, *working):
        thread.start()
    for thread in working:
        thread.join()
    stop.set()
    encrypting_them.join()
    assert wrong == []
    assert 0 < len(last) < len(kept)
    for key in kept:
        assert first.path(key).exists() == (key in last)
        if key in last:
            assert first.read(first.path(key)) == last[key]


def test_two_runs_at_once_are_refused(store, received, opened):
    received()
    files, unfinished = opened(NEW)

    def another() -> None:
        with pytest.raises(FilesBusy, match="by another command"):
            encrypt_stored(store, *opened(NEW))

    encrypt_stored(store, files, unfinished, another)


def test_a_full_disk_is_said_and_the_file_stays(store, received, opened, monkeypatch):
    kept = received()
    files, unfinished = opened(NEW)

    def full(_file, _content) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("worker.files.image_files.write_durably", full)
    with pytest.raises(StorageUnavailable, match=r"No space left on device.*goes on"):
        encrypt_stored(store, files, unfinished)
    assert all(files.path(key).read_bytes() == content for key, content in kept.items())


class TestCommand:
    @pytest.fixture
    def invoke(self, settings, store):
        def run(*arguments: str, key: str = ""):
            env = settings.environment() | {"CXR_FILES_KEY": key}
            return CliRunner().invoke(command, arguments, env=env)

        return run

    def test_it_encrypts_says_so_and_leaves_an_entry(self, invoke, store, received):
        received(count=2)
        refused = invoke("encrypt")
        assert (refused.exit_code, "CXR_FILES_KEY is not set" in refused.stderr) == (1, True)
        for name in ("keys", "encrypt"):
            wrong = invoke(name, key="short")
            assert (wrong.exit_code, wrong.stdout) == (1, "")
            assert wrong.stderr.startswith("Error: CXR_FILES_KEY must have 32 characters")
        (plain,) = json.loads(invoke("keys", "--json").stdout)
        assert (plain["key"], plain["state"], plain["files"]) == (None, "not encrypted", 6)

        done = invoke("encrypt", key=OLD)
        assert done.exit_code == 0, done.output
        assert f"6 files were encrypted with the key {OLD_ID}." in done.stdout
        done = invoke("encrypt", "--json", key=f"{NEW},{OLD}")
        assert json.loads(done.stdout) == {"encrypted": 6, "left": [], "forgotten": [OLD_ID]}
        rows = [line.split() for line in invoke("keys", key=NEW).stdout.splitlines()]
        assert rows[1][:3] == [NEW_ID, "newest", "6"]
        event = list(store.audit_entries())[-1].event
        assert event.action is Action.SETTINGS_CHANGED
        assert event.detail == {"what": "files_encrypted", "files": 6, "key": NEW_ID}

    def test_what_is_left_is_said(self, invoke, received, settings, store):
        kept = received(OLD, count=2)
        path = settings.images_dir / next(iter(kept))
        path.write_bytes(sealed(b"of another machine", FileKeys(["x" * 40]).new("a/b")))
        (missing,) = [
            use
            for use in json.loads(invoke("keys", "--json", key=OLD).stdout)
            if use["state"] == "missing"
        ]
        assert (missing["key"], missing["files"]) == (FileKeys(["x" * 40]).ids[0], 1)
        done = invoke("encrypt", key=f"{NEW},{OLD}")
        assert done.exit_code == 1
        assert "Left: 1 files, encrypted with the missing key" in done.stderr
        assert "5 files were encrypted" in done.stdout


def test_use_of_a_key_is_counted_in_bytes(store, received, opened):
    received(count=1)
    (use,) = key_uses(store, *opened())
    assert use == KeyUse(None, 3, 70_000 + 2 * len(PICTURE))
