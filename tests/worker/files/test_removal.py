"""What was deleted goes with its files, whatever ends the process in between."""

import pytest

from worker.files.removal import delete_job, remove_some
from worker.intake.receiving import Intake


def test_no_file_is_left_behind_by_a_removal_that_died(store, files, clinic, settings, monkeypatch):
    """Between the removal of rows and that of their files."""
    with Intake(store, files, settings, lambda _: None).receive(clinic.id) as upload:
        upload.add("a.png", [b"a"])
        upload.add("b.png", [b"b"])
        job = upload.accept("job")

    def dies(_keys):
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(files, "delete", dies)
        with pytest.raises(SystemExit):
            delete_job(store, files, clinic.id, job.id)
    assert any(files.root.rglob("*"))
    assert remove_some(store, files) is False
    assert list(files.root.rglob("*")) == []
    assert store.deleted_jobs() == []
