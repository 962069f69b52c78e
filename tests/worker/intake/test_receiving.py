"""An upload on its way: workers see its images, its clinic sees nothing before it is accepted."""
# ruff: noqa: PT012 - the statement that raises is the end of an upload, which has several lines

import os

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.rows import finished_image
from tests.support.waiting import wait_for
from worker.errors import JobNotOpen, KeyTaken, NotFound, UploadAbandoned, UploadTooLarge
from worker.files.image_files import ImageFiles
from worker.files.removal import remove_some
from worker.intake import writing
from worker.intake.receiving import Intake
from worker.patient_data import Profile
from worker.records.images import ImageFilter
from worker.records.jobs import JobStatus
from worker.records.work import Claim
from worker.settings import Settings
from worker.store import Store

WOKEN: list[int] = []


@pytest.fixture
def clinic(db):
    return db[1]


@pytest.fixture
def intake(db, tmp_path) -> Intake:
    """On SQLite and on PostgreSQL."""
    settings = Settings(home=tmp_path / "home", max_job_images=50)
    WOKEN.clear()
    return Intake(db[0], ImageFiles(settings.images_dir), settings, WOKEN.append)


def claimed(store: Store, count: int = 1) -> list[Claim]:
    """So many images, as soon as they wait."""
    claims: list[Claim] = []

    def enough() -> bool:
        claims.extend(store.claim(count - len(claims), lease_s=60))
        return len(claims) == count

    wait_for(enough, timeout_s=20, every_s=0.01)
    return claims


def nothing_is_left(intake: Intake) -> bool:
    return not intake.store.deleted_jobs() and not any(intake.files.root.glob("*"))


def test_workers_begin_while_the_upload_runs(intake, clinic):
    store = intake.store
    with intake.receive(clinic.id) as upload:
        upload.add("a.png", [b"a"])
        (first,) = claimed(store)
        assert intake.files.path(first.file_key).read_bytes() == b"a"
        assert WOKEN == [1]
        assert store.save([finished_image(first)]) == 1
        upload.add("b.png", [b"b"])
        assert store.jobs(clinic.id).items == []
        for look in (
            lambda: store.job(clinic.id, first.job_id),
            lambda: store.images(clinic.id, first.job_id),
            lambda: store.image(clinic.id, first.image_id),
            lambda: store.maps(clinic.id, first.image_id),
            lambda: store.cancel_job(clinic.id, first.job_id),
            lambda: store.close_job(clinic.id, first.job_id),
            lambda: store.delete_job(clinic.id, first.job_id),
        ):
            with pytest.raises(NotFound):
                look()
        (second,) = claimed(store)
        store.save([finished_image(second)])
        job = upload.accept("Monday", key="monday")
    assert (job.name, job.status, job.counts.done) == ("Monday", JobStatus.COMPLETE, 2)
    assert store.job(clinic.id, job.id) == store.job_of_key(clinic.id, "monday") == job
    assert [image.filename for image in store.all_images(clinic.id, job.id)] == ["a.png", "b.png"]
    assert store.image(clinic.id, first.image_id).result.label == "NORMAL"


def test_an_upload_that_breaks_off_leaves_nothing(intake, clinic):
    store = intake.store
    with pytest.raises(ConnectionError), intake.receive(clinic.id) as upload:
        for number in range(6):
            upload.add(f"{number}.png", [b"x"])
        saved, held = claimed(store, 2)
        store.save([finished_image(saved)])
        raise ConnectionError("the client is gone")
    assert nothing_is_left(intake)
    assert store.claim(10, lease_s=60) == []
    assert store.save([finished_image(held)]) == 0, "a worker that is late does no harm"
    assert store.jobs(clinic.id).items == []


def test_an_upload_whose_receiver_was_killed_is_ended_by_the_sweeper(intake, clinic):
    store = intake.store
    upload = intake.receive(clinic.id)
    upload.add("a.png", [b"x"])
    wait_for(lambda: store.waiting(9) == 1)
    assert store.abandon_silent(60) == 0, "it gave a sign of life"
    assert store.abandon_silent(-1) == 1
    assert store.claim(10, lease_s=60) == []
    assert not remove_some(store, intake.files)
    assert nothing_is_left(intake)
    # And if it only slept, it is told.
    upload.add("b.png", [b"x"])
    with pytest.raises(UploadAbandoned):
        upload.accept()
    upload.abandon()
    assert nothing_is_left(intake)


def test_a_late_word_on_urgency_holds_for_all_images(intake, clinic):
    store = intake.store
    with intake.receive(clinic.id) as upload:
        upload.add("a.png", [b"a"])
        wait_for(lambda: store.waiting(9) == 1)
        upload.add("b.png", [b"b"])
        upload.accept("urgent", urgent=True)
    with intake.receive(clinic.id) as upload:
        upload.add("c.png", [b"c"])
        upload.accept("routine")
    assert len(store.claim(10, lease_s=60)) == 2


def test_what_a_lost_answer_repeats_is_done_once(intake, clinic, monkeypatch):
    """The database commits, and the connection is gone before it can say so."""
    monkeypatch.setattr(writing, "AGAIN_AFTER_S", 0)
    store, lost = intake.store, []

    def losing(verb):
        def once(*arguments):
            answer = verb(*arguments)
            if verb.__name__ not in lost:
                lost.append(verb.__name__)
                raise OperationalError("COMMIT", {}, Exception("connection lost"))
            return answer

        return once

    for name in ("add_images", "accept"):
        monkeypatch.setattr(store, name, losing(getattr(store, name)))
    with intake.receive(clinic.id) as upload:
        upload.add("a.png", [b"a"])
        wait_for(lambda: store.waiting(9) == 1)
        upload.add("b.png", [b"b"])
        job = upload.accept("Monday")
    assert sorted(lost) == ["accept", "add_images"]
    assert job.counts.total == job.counts.waiting == 2
    assert all(intake.files.path(claim.file_key).exists() for claim in store.claim(9, lease_s=60))


def test_what_a_lost_answer_repeats_stays_although_its_job_was_closed(intake, clinic, monkeypatch):
    monkeypatch.setattr(writing, "AGAIN_AFTER_S", 0)
    store = intake.store
    with intake.receive(clinic.id) as upload:
        job = upload.accept("Monday", stays_open=True)
    accept = store.accept

    def losing(*arguments):
        accept(*arguments)
        store.close_job(clinic.id, job.id)
        monkeypatch.setattr(store, "accept", accept)
        raise OperationalError("COMMIT", {}, Exception("connection lost"))

    monkeypatch.setattr(store, "accept", losing)
    with intake.receive(clinic.id, job) as upload:
        upload.add("a.png", [b"a"])
        added = upload.accept()
    assert (added.id, added.open, added.counts.total) == (job.id, False, 1)
    with pytest.raises(JobNotOpen), intake.receive(clinic.id, job) as upload:
        upload.add("b.png", [b"b"])
        upload.accept()


def test_files_and_their_names_are_on_the_disk_before_their_rows(intake, clinic, monkeypatch):
    """Or a power failure after the answer would leave rows that name no file."""
    on_disk: set[str] = set()
    fsync, checked = os.fsync, []

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        on_disk.add(os.readlink(f"/proc/self/fd/{descriptor}"))

    def checking(verb):
        def check(arriving, already, images, *more):
            for image in images:
                file = intake.files.path(image.file_key).resolve()
                assert {str(file), str(file.parent), str(file.parent.parent)} <= on_disk
                checked.append(image.filename)
            on_disk.clear()
            return verb(arriving, already, images, *more)

        return check

    monkeypatch.setattr(os, "fsync", noting)
    for name in ("add_images", "accept"):
        monkeypatch.setattr(intake.store, name, checking(getattr(intake.store, name)))
    with intake.receive(clinic.id) as upload:
        upload.add("a.png", [b"a"])
        wait_for(lambda: checked == ["a.png"])
        upload.add("b.png", [b"b"])
        upload.accept("Monday")
    assert checked == ["a.png", "b.png"]


@pytest.mark.parametrize("comes_back", [False, True], ids=["it stays away", "it comes back"])
def test_while_nobody_knows_whether_it_was_accepted_no_file_goes(
    intake, clinic, monkeypatch, comes_back
):
    """The database accepts the upload, and its answer is lost for good."""
    monkeypatch.setattr(writing, "OUTAGE_S", 0)
    store = intake.store
    accept = store.accept

    def accept_and_die(*arguments):
        accept(*arguments)
        raise OperationalError("COMMIT", {}, Exception("connection lost"))

    def unreachable(*_):
        raise OperationalError("SELECT", {}, Exception("connection refused"))

    with monkeypatch.context() as broken:
        broken.setattr(store, "accept", accept_and_die)
        if not comes_back:
            broken.setattr(store, "abandon", unreachable)
        with pytest.raises(OperationalError), intake.receive(clinic.id) as upload:
            upload.add("a.png", [b"a"])
            upload.accept("Monday", key="monday")
    assert store.job_of_key(clinic.id, "monday").counts.waiting == 1
    assert store.abandon_silent(-1) == 0
    (claim,) = store.claim(9, lease_s=60)
    assert intake.files.path(claim.file_key).read_bytes() == b"a"


def test_a_key_is_taken_by_who_is_accepted_first(intake, clinic):
    with intake.receive(clinic.id) as first, intake.receive(clinic.id) as second:
        first.add("a.png", [b"a"])
        second.add("a.png", [b"a"])
        assert first.content_sha256 == second.content_sha256
        job = first.accept("first", key="monday")
        with pytest.raises(KeyTaken):
            second.accept("second", key="monday")
    assert [found.id for found in intake.store.jobs(clinic.id).items] == [job.id]
    assert len(intake.store.claim(9, lease_s=60)) == 1


def test_an_open_job_takes_files_until_it_is_closed(intake, clinic):
    store = intake.store
    with intake.receive(clinic.id) as upload:
        job = upload.accept("Ward 7", urgent=True, stays_open=True)
    assert (job.status, job.open, job.counts.total) == (JobStatus.RUNNING, True, 0)
    with intake.receive(clinic.id, job) as upload:
        upload.add("a.png", [b"a"])
        early, *_ = claimed(store)
        assert store.save([finished_image(early)]) == 1
        upload.add("b.png", [b"b"])
        (held,) = claimed(store)
        assert store.job(clinic.id, job.id).counts == job.counts, "what is on its way is not shown"
        after = upload.accept(key="part")
    assert (after.id, after.counts.total, after.counts.done) == (job.id, 2, 1)
    assert (after.status, after.revision > job.revision) == (JobStatus.RUNNING, True)
    assert store.save([finished_image(held)]) == 1, "a claim outlasts the move"
    known = store.known_upload(clinic.id, "part")
    assert (known.job.id, known.is_part) == (job.id, True)
    images = list(store.all_images(clinic.id, job.id))
    assert [image.filename for image in images] == ["a.png", "b.png"]
    labelled = store.images(clinic.id, job.id, ImageFilter(labels=("NORMAL",))).items
    assert [image.id for image in labelled] == [image.id for image in images]

    now = store.job(clinic.id, job.id)
    assert (now.status, now.counts.done, now.progress) == (JobStatus.RUNNING, 2, 1.0)
    closed = store.close_job(clinic.id, job.id)
    assert (closed.status, closed.open) == (JobStatus.COMPLETE, False)
    assert store.close_job(clinic.id, job.id) == closed
    with pytest.raises(JobNotOpen), intake.receive(clinic.id, job) as upload:
        upload.add("c.png", [b"c"])
        upload.accept()
    store.delete_job(clinic.id, job.id)
    assert store.job_of_key(clinic.id, "part") is None
    assert not remove_some(store, intake.files)
    assert nothing_is_left(intake)


def test_a_job_that_closes_meanwhile_takes_nothing(intake, clinic):
    store = intake.store
    with intake.receive(clinic.id) as upload:
        job = upload.accept("Ward 7", stays_open=True)
    with pytest.raises(JobNotOpen), intake.receive(clinic.id, job) as upload:
        upload.add("a.png", [b"a"])
        wait_for(lambda: store.waiting(9) == 1)
        store.cancel_job(clinic.id, job.id)
        upload.accept()
    assert nothing_is_left(intake)
    assert store.job(clinic.id, job.id).counts.total == 0


def test_an_open_job_closes_by_itself(intake, clinic):
    store = intake.store
    with intake.receive(clinic.id) as upload:
        job = upload.accept("Ward 7", stays_open=True)
    with intake.receive(clinic.id, job) as upload:
        upload.add("a.png", [b"a"])
        wait_for(lambda: store.waiting(9) == 1)
        assert store.close_idle_jobs(-1) == 0, "files are on their way"
        upload.accept()
    assert store.close_idle_jobs(60) == 0
    assert store.close_idle_jobs(-1) == 1
    assert not store.job(clinic.id, job.id).open


def test_an_open_job_has_room_for_so_many_images_in_all(intake, clinic):
    with intake.receive(clinic.id) as upload:
        for number in range(30):
            upload.add(f"{number}.png", [b"x"])
        job = upload.accept("Ward 7", stays_open=True)
    with pytest.raises(UploadTooLarge, match="50 images"), intake.receive(clinic.id, job) as upload:
        for number in range(30):
            upload.add(f"{number}.png", [b"x"])
    assert intake.store.job(clinic.id, job.id).counts.total == 30


def test_two_uploads_at_once_keep_to_the_room_of_an_open_job(intake, clinic):
    with intake.receive(clinic.id) as upload:
        job = upload.accept("Monday", stays_open=True)
    most = intake.settings.max_job_images
    with intake.receive(clinic.id, job) as first, intake.receive(clinic.id, job) as second:
        for upload in (first, second):
            for number in range(most - 1):
                upload.refuse(f"{number}.png", b"", "unreadable", "The file is empty.")
        first.accept()
        with pytest.raises(UploadTooLarge, match=f"more than {most} images"):
            second.accept()
    assert intake.store.job(clinic.id, job.id).counts.total == most - 1


def test_names_of_files_are_kept_apart_where_the_clinic_demands_it(intake, clinic):
    store = intake.store
    store.set_profile(clinic.id, Profile.RESEARCH)
    with intake.receive(clinic.id) as upload:
        upload.add("Doe^John 1961.dcm", [b"a"])
        upload.add("ward 3/Doe^Jane", [b"b"])
        upload.refuse("Doe.zip", b"", "unreadable", "The file is empty.")
        job = upload.accept(stays_open=True)
    with intake.receive(clinic.id, job) as more:
        more.add("Roe.PNG", [b"c"])
        more.accept()
    names = ["image-0001.dcm", "image-0002", "image-0003.zip", "image-0004.png"]
    assert [image.filename for image in store.all_images(clinic.id, job.id)] == names
    assert store.job(clinic.id, job.id).name == "image-0001.dcm and 2 more"
    originals = ["Doe^John 1961.dcm", "ward 3/Doe^Jane", "Doe.zip", "Roe.PNG"]
    kept = list(store.original_names(clinic.id, job.id))
    assert [(name, original) for _, name, original in kept] == [*zip(names, originals, strict=True)]
    other = store.ensure_clinic("other", "another token")
    assert store.original_name(other.id, kept[0][0]) is None
    with pytest.raises(NotFound):
        next(store.original_names(other.id, job.id))
    store.close_job(clinic.id, job.id)
    store.delete_job(clinic.id, job.id)
    remove_some(store, intake.files)
    assert nothing_is_left(intake)
    assert store.original_name(clinic.id, kept[0][0]) is None
