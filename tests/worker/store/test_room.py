"""How many images of a clinic may wait, whatever lets them."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.results import failed, rejected
from tests.support.rows import create_job, new_images
from worker.errors import TooManyWaiting
from worker.records.jobs import Acceptance, Arriving, JobRecord, NewImage
from worker.store import Store
from worker.store.jobs import control, receiving

REFUSED = NewImage("broken.png", None, 0, reason="unreadable", message="It is broken.")


def upload_two(store: Store, clinic_id: int, job: JobRecord, max_waiting: int) -> None:
    arriving = Arriving(clinic_id, f"upload {job.id}", False, max_waiting=max_waiting)
    store.accept(arriving, 0, new_images(2), Acceptance(name="", urgent=False))


LET_WAIT = {
    "retry_job": lambda store, *those: store.retry_job(those[0], those[1].id, those[2]),
    "retry_images": lambda store, clinic_id, job, max_waiting: store.retry_images(
        clinic_id, [image.id for image in store.all_images(clinic_id, job.id)], max_waiting
    ),
    "resume_job": lambda store, *those: store.resume_job(those[0], those[1].id, those[2]),
    "classify_anyway": lambda store, clinic_id, job, max_waiting: [
        store.classify_anyway(clinic_id, image.id, "who", max_waiting)
        for image in store.all_images(clinic_id, job.id)
    ],
    "accept": upload_two,
}


@pytest.mark.parametrize("verb", LET_WAIT)
def test_two_at_the_same_moment_keep_to_the_images_that_may_wait(db, monkeypatch, verb):
    """Each has counted before the other is done: two of them may wait, or two, not four."""
    store, clinic = db
    both = [create_job(store, clinic.id, "job", new_images(2)) for _ in range(2)]
    if verb == "resume_job":
        for job in both:
            store.cancel_job(clinic.id, job.id)
    else:
        end = rejected if verb == "classify_anyway" else failed
        store.save([end(claim) for claim in store.claim(4, lease_s=60)])
    met = threading.Barrier(2)

    def check_and_meet(*arguments) -> None:
        check_room(*arguments)
        with contextlib.suppress(threading.BrokenBarrierError):
            met.wait(0.3)  # the other one may have to wait for us instead

    check_room = control.check_room
    for module in control, receiving:
        monkeypatch.setattr(module, "check_room", check_and_meet)

    def attempt(job: JobRecord) -> str:
        try:
            LET_WAIT[verb](store, clinic.id, job, 3)
        except TooManyWaiting as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(attempt, both))
    waiting = sum(job.counts.waiting for job in store.jobs(clinic.id).items)
    assert waiting == (3 if verb == "classify_anyway" else 2)
    assert said[0] == ""
    added = 1 if verb == "classify_anyway" else 2
    assert said[1].startswith(
        f"{waiting} images of your clinic wait, {added} would be added, and at most 3 may wait."
    )
