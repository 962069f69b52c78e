"""What was deleted goes with its files, whatever ends the process in between."""

import pytest
from sqlalchemy import select

from worker.files.removal import delete_images, delete_job, remove_some
from worker.intake.receiving import Intake
from worker.store.schema import Image


@pytest.mark.parametrize("what", ["job", "image"])
def test_no_file_is_left_behind_by_a_removal_that_died(
    store, files, clinic, settings, monkeypatch, what
):
    """Between the removal of files and that of their rows, or the other way round."""
    with Intake(store, files, settings, lambda _: None).receive(clinic.id) as upload:
        upload.add("a.png", [b"a"])
        upload.add("b.png", [b"b"])
        job = upload.accept("job")
    first, second = store.all_images(clinic.id, job.id)

    def dies(_keys):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(files, "delete", dies)
        delete = {"job": (delete_job, job.id), "image": (delete_images, [first.id])}
        verb, which = delete[what]
        with pytest.raises(SystemExit):
            verb(store, files, clinic.id, which)
    assert files.path(first.file_key).exists()
    assert remove_some(store, files) is False
    assert store.deleted_jobs() == []
    assert not files.path(first.file_key).exists()
    assert files.path(second.file_key).exists() == (what == "image")


def test_a_file_that_cannot_be_removed_keeps_no_other(
    store, files, clinic, settings, monkeypatch, caplog
):
    jobs = []
    for name in "abc":
        with Intake(store, files, settings, lambda _: None).receive(clinic.id) as upload:
            upload.add(f"{name}.png", [b"x"])
            jobs.append(upload.accept(name))
        store.delete_job(clinic.id, jobs[-1].id)
    delete, bad = files.delete, jobs[1].id

    def refused(keys):
        keys = list(keys)
        if keys == refused.keys:
            raise PermissionError(1, "Operation not permitted")
        delete(keys)

    with store.database.reading() as session:
        refused.keys = session.scalars(select(Image.file_key).where(Image.job_id == bad)).all()
    with monkeypatch.context() as broken:
        broken.setattr(files, "delete", refused)
        remove_some(store, files)
    assert [job.id for job in store.deleted_jobs()] == [bad]
    assert f"deleted job {bad} cannot be removed (Operation not permitted)" in caplog.text
    remove_some(store, files)
    assert store.deleted_jobs() == []
    assert list(files.root.rglob("*")) == []
