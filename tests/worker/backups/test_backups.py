"""Backups of the embedded default: what is in them, and which are refused."""

import shutil
import sqlite3
import stat
import subprocess
import tarfile
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest
from click.testing import CliRunner

from cxr import main
from tests.support.access import TOKEN
from tests.support.results import work
from worker.audit import Action
from worker.backups import making
from worker.files.image_files import ImageFiles
from worker.files.removal import remove_some
from worker.files.retention import retire
from worker.files.sealing import FileKeys
from worker.intake.receiving import Intake
from worker.records.clinics import Retention
from worker.settings import Settings
from worker.store import Store


@pytest.fixture
def cxr(settings):
    def run(*arguments: object):
        return CliRunner().invoke(main, list(map(str, arguments)), env=settings.environment())

    return run


@pytest.fixture
def job(settings, store, files, clinic):
    """Three images with results in the store of `settings`, and secrets beside it."""
    (settings.home / "token").write_text("the token\n")
    (settings.home / "secret_key").write_text("the key\n")
    with Intake(store, files, settings, lambda _: None).receive(clinic.id) as upload:
        for number in range(3):
            upload.add(f"{number}.png", [bytes([number]) * 50_000])
        job = upload.accept("Monday")
    work(store, 3)
    return job


@pytest.fixture
def backup(cxr, job, tmp_path):
    file = tmp_path / "backup.tar"
    done = cxr("backup", file)
    assert done.exit_code == 0, done.output
    assert "3 images" in done.output
    return file


def restored(cxr, backup, home):
    done = cxr("restore", backup, "--home", home)
    assert done.exit_code == 0, done.output
    return Store(Settings(home=home).database_url)


def test_everything_comes_back(cxr, backup, store, clinic, files, job, tmp_path):
    other = restored(cxr, backup, tmp_path / "new" / "home")
    assert other.job(clinic.id, job.id) == store.job(clinic.id, job.id)
    before, after = (list(one.all_images(clinic.id, job.id)) for one in (store, other))
    assert after == before
    assert all(image.result for image in after)
    for image in before:
        copy = tmp_path / "new" / "home" / "images" / image.file_key
        assert copy.read_bytes() == files.path(image.file_key).read_bytes()
        assert len(other.maps(clinic.id, image.id)) == len(store.maps(clinic.id, image.id))
    assert other.principal_of_token(TOKEN).clinic == clinic
    assert (tmp_path / "new" / "home" / "secret_key").read_text() == "the key\n"
    other.close()


def test_encrypted_files_stay_so_and_the_key_that_is_missing_is_named(
    settings, store, clinic, tmp_path
):
    settings = replace(settings, files_key="k" * 40)
    files = ImageFiles.of(settings)
    with Intake(store, files, settings, lambda _: None).receive(clinic.id) as upload:
        upload.add("a.png", [b"an X-ray"])
        upload.accept("Monday")
    run = partial(CliRunner().invoke, main, env=settings.environment())
    assert run(["backup", str(tmp_path / "b.tar")]).exit_code == 0
    assert b"an X-ray" not in (tmp_path / "b.tar").read_bytes()
    assert settings.files_key.encode() not in (tmp_path / "b.tar").read_bytes()
    home = tmp_path / "home2"
    (id_,) = FileKeys(settings.file_keys).ids
    lost = CliRunner().invoke(main, ["restore", str(tmp_path / "b.tar"), "--home", str(home)])
    assert lost.exit_code == 0
    assert f"encrypted with the key {id_}, which CXR_FILES_KEY does not hold" in lost.output
    (image,) = store.all_images(clinic.id, None)
    copy = ImageFiles.of(replace(settings, home=home))
    assert copy.read(copy.path(image.file_key)) == b"an X-ray"


def test_only_its_owner_can_read_it_and_sha256sum_checks_it(backup, tmp_path):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob(".*")) == []
    shutil.unpack_archive(backup, tmp_path / "unpacked", "tar", filter="data")
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    checked = subprocess.run(command, cwd=tmp_path / "unpacked", capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count("OK") == 6


@pytest.fixture
def backup_during(cxr, monkeypatch, tmp_path, store, files):
    """A backup in which something is deleted after the database was copied, with its files.

    Returns: the store that is restored from it.
    """
    snapshot, opened = making._snapshot, []

    def run(delete) -> Store:
        def then_delete(*arguments) -> None:
            snapshot(*arguments)
            delete()
            remove_some(store, files)

        monkeypatch.setattr(making, "_snapshot", then_delete)
        done = cxr("backup", tmp_path / "backup.tar")
        assert done.exit_code == 0, done.output
        opened.append(restored(cxr, tmp_path / "backup.tar", tmp_path / "home2"))
        return opened[0]

    yield run
    for one in opened:
        one.close()


def test_a_job_that_is_deleted_meanwhile_stays_deleted(backup_during, store, clinic, job):
    other = backup_during(lambda: store.delete_job(clinic.id, job.id))
    assert other.jobs(clinic.id).items == []
    assert [deleted.id for deleted in other.deleted_jobs()] == [job.id]


def test_an_image_that_is_deleted_meanwhile_takes_no_others_with_it(
    backup_during, store, clinic, job
):
    first, *others = store.all_images(clinic.id, job.id)
    other = backup_during(lambda: store.delete_images(clinic.id, [first.id]))
    found = list(other.all_images(clinic.id, job.id))
    assert [image.file_key for image in found] == [None, *(image.file_key for image in others)]
    assert all(image.result for image in found)


def test_files_that_are_kept_no_longer_meanwhile_leave_their_results(
    backup_during, store, clinic, files, job
):
    store.set_retention(clinic.id, Retention(files=0))
    other = backup_during(lambda: retire(store, files))
    found = list(other.all_images(clinic.id, job.id))
    assert [(image.file_key, bool(image.result)) for image in found] == [(None, True)] * 3


def test_pictures_that_outlived_their_files_come_back(cxr, store, clinic, files, job, tmp_path):
    pictures = [
        files.small_picture(image.file_key) for image in store.all_images(clinic.id, job.id)
    ]
    for picture in pictures:
        files.write(picture, b"a picture")
    store.set_retention(clinic.id, Retention(files=0, pictures=30))
    retire(store, files)
    assert cxr("backup", tmp_path / "backup.tar").exit_code == 0
    restored(cxr, tmp_path / "backup.tar", tmp_path / "home2").close()
    copies = ImageFiles(tmp_path / "home2" / "images")
    for picture in pictures:
        key = str(picture.relative_to(files.root)).removesuffix(".jpg")
        assert copies.small_picture(key).read_bytes() == b"a picture"


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "outside", "no tar"])
def test_a_damaged_backup_leaves_nothing(cxr, backup, tmp_path, damage):
    content = bytearray(backup.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[2_000] ^= 1
    elif damage == "no tar":
        content = bytearray(b"x" * 10_000)
    backup.write_bytes(content)
    if damage in ("foreign", "outside"):
        (tmp_path / "x").write_text("x")
        with tarfile.open(backup, "w") as archive:
            archive.add(tmp_path / "x", "x" if damage == "foreign" else "images/../../x")
    done = cxr("restore", backup, "--home", tmp_path / "home2")
    assert done.exit_code == 1
    assert "Error: " in done.output
    assert not (tmp_path / "home2").exists()
    assert not list(tmp_path.glob(".*"))


def test_what_is_there_is_never_overwritten(cxr, backup, settings):
    assert "exists already" in cxr("backup", backup).output
    assert "not empty" in cxr("restore", backup).output
    with closing(sqlite3.connect(settings.home / "cxr.db")) as database:
        assert database.execute("SELECT count(*) FROM images").fetchone() == (3,)


def test_postgresql_is_backed_up_with_its_own_tools(tmp_path):
    address = {"DATABASE_URL": "postgresql://cxr@127.0.0.1:1/cxr", "CXR_HOME": str(tmp_path)}
    done = CliRunner().invoke(main, ["backup", str(tmp_path / "b.tar")], env=address)
    assert done.exit_code == 1
    assert "pg_dump" in done.output


def test_a_backup_that_cannot_be_made_leaves_no_entry(cxr, backup, store, tmp_path):
    for target in (backup, tmp_path / "nowhere" / "backup.tar"):
        assert cxr("backup", target).exit_code == 1
    actions = [entry.event.action for entry in store.audit_entries()]
    assert actions.count(Action.BACKED_UP) == 1
