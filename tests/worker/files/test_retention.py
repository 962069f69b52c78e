"""What is kept no longer goes, what is held stays, and each deletion leaves an entry."""

from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from cxr import main
from tests.support.results import failed, work
from tests.support.rows import finished_image
from worker.audit import Action
from worker.errors import JobHeld, NotFound
from worker.files.removal import remove_some
from worker.files.retention import retire
from worker.intake.receiving import Intake
from worker.records.clinics import Retention
from worker.records.images import ImageStatus
from worker.store.rows import now
from worker.store.schema import Job


@pytest.fixture
def finished(settings, store, files, clinic):
    """Makes a job of two images that ended so many days ago. Returns: its number."""

    def make(days_ago: float, play=None) -> int:
        with Intake(store, files, settings, lambda _: None).receive(clinic.id) as upload:
            for number in range(2):
                upload.add(f"{number}.png", [b"x"])
            job = upload.accept("job")
        work(store, 2, play) if play else work(store, 2)
        with store.database.writing() as session:
            ended = now() - timedelta(days=days_ago)
            session.execute(update(Job).where(Job.id == job.id).values(finished_at=ended))
        return job.id

    return make


@pytest.fixture
def cxr(settings, store):
    def run(*arguments: object):
        command = ["retention", *map(str, arguments)]
        return CliRunner().invoke(main, command, env=settings.environment())

    return run


def keys(store, clinic, job_id: int) -> list[str | None]:
    return [image.file_key for image in store.all_images(clinic.id, job_id)]


def deletions(store) -> list[tuple]:
    return [
        (entry.event.job_id, entry.event.detail["what"], entry.event.who)
        for entry in store.audit_entries()
        if entry.event.action is Action.DELETED
    ]


def test_without_a_setting_everything_stays(store, files, clinic, finished):
    job = finished(days_ago=10_000)
    assert retire(store, files) == 0
    assert all(keys(store, clinic, job))


def test_files_go_first_and_jobs_later(store, files, clinic, finished):
    old, middle, new = finished(40), finished(10), finished(1)
    store.set_retention(clinic.id, Retention(files=7, jobs=30))
    kept = keys(store, clinic, new)
    gone = keys(store, clinic, middle) + keys(store, clinic, old)
    assert retire(store, files) == 2
    with pytest.raises(NotFound):
        store.job(clinic.id, old)
    remove_some(store, files)
    assert keys(store, clinic, middle) == [None, None]
    assert all(image.result for image in store.all_images(clinic.id, middle))
    assert keys(store, clinic, new) == kept
    assert [files.path(key).exists() for key in gone] == [False] * 4
    assert all(files.path(key).exists() for key in kept)
    assert deletions(store) == [(old, "job", "retention"), (middle, "files", "retention")]
    assert retire(store, files) == 0


def test_zero_days_is_at_once_after_the_result(store, files, clinic, finished):
    job = finished(0)
    store.set_retention(clinic.id, Retention(files=0))
    assert retire(store, files) == 1
    assert keys(store, clinic, job) == [None, None]


def test_pictures_and_maps_may_go_at_times_of_their_own(store, files, clinic, finished):
    job, newer = finished(10), finished(1)
    stored = keys(store, clinic, job)
    for key in stored:
        files.small_picture(key).write_bytes(b"a picture")
    store.set_retention(clinic.id, Retention(files=5, pictures=20, maps=5, jobs=100))
    assert retire(store, files) == 2
    assert not any(files.path(key).exists() for key in stored)
    assert all(files.small_picture(key).exists() for key in stored)
    images = list(store.all_images(clinic.id, job))
    assert [(image.file_key, image.picture_key) for image in images] == [(None, k) for k in stored]
    assert all(image.result and not store.maps(clinic.id, image.id) for image in images)
    assert all(store.maps(clinic.id, image.id) for image in store.all_images(clinic.id, newer))
    assert retire(store, files) == 0
    store.set_retention(clinic.id, Retention(files=5, pictures=9, maps=5, jobs=100))
    assert retire(store, files) == 1
    assert not any(files.small_picture(key).exists() for key in stored)
    assert [what for _, what, _ in deletions(store)] == ["files", "maps", "pictures"]
    assert retire(store, files) == 0


def test_a_deleted_job_takes_pictures_that_outlived_their_files(store, files, clinic, finished):
    job = finished(10)
    picture = files.small_picture(keys(store, clinic, job)[0])
    picture.write_bytes(b"a picture")
    store.set_retention(clinic.id, Retention(files=0, pictures=20))
    retire(store, files)
    store.delete_job(clinic.id, job)
    remove_some(store, files)
    assert not picture.exists()


def test_pictures_do_not_go_before_what_they_are_drawn_from():
    with pytest.raises(ValueError, match="X-rays as long as the job, pictures 3 days"):
        Retention(pictures=3)
    with pytest.raises(ValueError, match="X-rays 7 days, pictures 3 days"):
        Retention(files=7, pictures=3)


def test_failed_images_without_files_are_not_tried_again(store, files, clinic, finished):
    job = finished(1, failed)
    store.set_retention(clinic.id, Retention(files=0))
    retire(store, files)
    assert store.retry_job(clinic.id, job).counts.waiting == 0
    assert {image.status for image in store.all_images(clinic.id, job)} == {ImageStatus.FAILED}


def test_a_job_that_is_held_stays_until_it_is_released(store, files, clinic, finished):
    job = finished(100)
    store.set_retention(clinic.id, Retention(files=0, jobs=0))
    store.hold_job(clinic.id, job)
    store.hold_job(clinic.id, job)
    assert retire(store, files) == 0
    with pytest.raises(JobHeld, match="is held"):
        store.delete_job(clinic.id, job)
    assert all(keys(store, clinic, job))
    store.release_job(clinic.id, job)
    assert retire(store, files) == 1


def test_another_clinic_keeps_its_own(store, files, clinic, finished):
    finished(100)
    other = store.ensure_clinic("other", "a token of another clinic")
    store.set_retention(other.id, Retention(files=0, jobs=0))
    assert retire(store, files) == 0
    with pytest.raises(NotFound):
        store.hold_job(other.id, 1)


def test_it_is_set_by_a_command_which_leaves_entries(cxr, store, clinic, finished):
    job = finished(1)
    assert cxr("set", clinic.name, "--keep-files", 7, "--keep-jobs", 365).exit_code == 0
    assert cxr("list").output == "default: files 7, pictures all, maps all, jobs 365\n"
    assert cxr("hold", clinic.name, job).exit_code == 0
    assert cxr("release", clinic.name, job).exit_code == 0
    assert "is not held" in cxr("release", clinic.name, job).output
    assert "no clinic" in cxr("set", "nowhere").output
    events = [entry.event for entry in store.audit_entries()]
    assert [event.action for event in events] == [Action.SETTINGS_CHANGED] * 3
    assert events[0].detail == Retention(files=7, jobs=365).as_detail()
    assert events[1].job_id == job


def test_the_api_says_that_a_job_is_held(store, clinic, finished, settings):
    from tests.support.access import TOKEN
    from web.app import create_app

    job = finished(1)
    store.hold_job(clinic.id, job)
    client = create_app(settings).test_client()
    answer = client.delete(f"/api/v1/jobs/{job}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json["code"]) == (409, "job_held")


def test_what_is_tried_again_meanwhile_keeps_its_file(store, files, clinic, finished, monkeypatch):
    """Between the look for jobs whose time is over and the removal of their files."""
    job = finished(10, play=failed)
    store.set_retention(clinic.id, Retention(files=7))
    due = store.due

    def tried_again(kind: str):
        found = due(kind)
        if kind == "files":
            store.retry_job(clinic.id, job)
        return found

    monkeypatch.setattr(store, "due", tried_again)
    retire(store, files)
    assert all(files.path(key).exists() for key in keys(store, clinic, job))
    assert [claim.file_key for claim in store.claim(9, 60)] == keys(store, clinic, job)


@pytest.mark.parametrize("keeps", [{"files": 7}, {"maps": 7}])
def test_a_job_that_is_held_meanwhile_stays_whole(
    store, files, clinic, finished, monkeypatch, keeps
):
    job = finished(10)
    store.set_retention(clinic.id, Retention(**keeps))
    due = store.due

    def held(kind: str):
        found = due(kind)
        if found:
            store.hold_job(clinic.id, job)
        return found

    monkeypatch.setattr(store, "due", held)
    assert retire(store, files) == 0
    assert all(keys(store, clinic, job))
    assert all(store.maps(clinic.id, image.id) for image in store.all_images(clinic.id, job))
    monkeypatch.undo()
    store.release_job(clinic.id, job)
    assert retire(store, files) == 1


@pytest.mark.parametrize("pictures", [None, 30])
def test_no_file_is_left_behind_by_a_sweeper_that_died(
    store, files, clinic, finished, monkeypatch, pictures
):
    job = finished(10)
    kept = [files.path(key) for key in keys(store, clinic, job)]
    store.set_retention(clinic.id, Retention(files=7, pictures=pictures))

    def dies(_keys):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(files, "delete", dies)
        dying.setattr(files, "delete_originals", dies)
        with pytest.raises(SystemExit):
            retire(store, files)
    assert retire(store, files) == 1
    assert [file.exists() for file in kept] == [False, False]
    assert keys(store, clinic, job) == [None, None]


def test_a_cancelled_job_is_not_over_before_its_workers_are_done(store, files, clinic, settings):
    with Intake(store, files, settings, lambda _: None).receive(clinic.id) as upload:
        upload.add("one.png", [b"x"])
        job = upload.accept("job")
    store.set_retention(clinic.id, Retention(files=0, jobs=1))
    (claim,) = store.claim(1, 60)
    store.cancel_job(clinic.id, job.id)
    assert retire(store, files) == 0
    assert files.path(claim.file_key).exists()
    store.save([finished_image(claim)])
    assert retire(store, files) == 1
    assert not files.path(claim.file_key).exists()


def test_a_file_that_cannot_be_removed_keeps_no_other_job(
    store, files, clinic, finished, monkeypatch, caplog
):
    bad, good = finished(10), finished(10)
    store.set_retention(clinic.id, Retention(files=7))
    delete, refused = files.delete, keys(store, clinic, bad)

    def delete_others(which):
        if list(which) == refused:
            raise PermissionError(1, "Operation not permitted")
        delete(which)

    with monkeypatch.context() as broken:
        broken.setattr(files, "delete", delete_others)
        assert retire(store, files) == 1
    assert keys(store, clinic, bad) == refused
    assert keys(store, clinic, good) == [None, None]
    assert f"files of job {bad} cannot be removed" in caplog.text
    assert retire(store, files) == 1


def test_no_deletion_is_without_its_entry_when_the_sweeper_dies(
    store, files, clinic, finished, monkeypatch
):
    first, second = finished(40), finished(10)
    store.set_retention(clinic.id, Retention(files=7, jobs=30))

    def dies(_events):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(store, "audit", dies)
        with pytest.raises(SystemExit):
            retire(store, files)
    assert deletions(store) == [(first, "job", "retention")]
    retire(store, files)
    assert (second, "files", "retention") in deletions(store)
    assert store.check_audit().broken_at is None
