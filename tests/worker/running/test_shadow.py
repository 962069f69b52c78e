"""The shadow model on real rows and files, with classifiers that can be told to misbehave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from model.classifier import Prepared, Result
from model.errors import UnreadableImage
from model.input.preprocess import Box
from tests.support.rows import create_job, worker_record
from worker.files.image_files import ImageFiles
from worker.liveness.pulse import Pulse
from worker.records.images import ImageFilter
from worker.records.jobs import JobRecord, JobStatus, NewImage
from worker.running.runner import Runner
from worker.running.shadow import Shadow
from worker.store import Store

WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass
class Scripted:
    """Says `label`; does to an image what its content says, where that is in `fails_on`."""

    version: str
    label: str
    fails_on: dict[bytes, Exception] = field(default_factory=dict)
    seen: list[bytes] = field(default_factory=list)
    batch_size: int = 4
    computes_elsewhere: bool = False

    def prepare(
        self, source: bytes, decoded_as: Callable = lambda radiograph: None, waived: bool = False
    ) -> Prepared:
        self.seen.append(source)
        if error := self.fails_on.get(source):
            raise error
        image = np.zeros((2, 2, 3), np.float32)
        times = {"decode_ms": 1.0, "gate_ms": 0.5, "prepare_ms": 0.25}
        return Prepared(image, WHOLE, lungs_found=True, width=20, height=10, gate=None, **times)

    def classify(self, prepared: Sequence[Prepared]) -> list[Result]:
        probabilities = {"NORMAL": 0.2, "OTHER": 0.2} | {self.label: 0.8}
        result = Result(
            label=self.label,
            probabilities=probabilities,
            uncertain_reasons=(),
            triage=None,
            maps={"attention": np.eye(3, dtype=np.float16)},
            box=WHOLE,
            model=self.version,
            infer_ms=2.0,
        )
        return [result] * len(prepared)


@pytest.fixture
def runner(store: Store, files: ImageFiles) -> Runner:
    pulse = Pulse(store, worker_record("this"), lease_s=60, step_limit_s=60)
    return Runner(store, files, Scripted("active-1", "NORMAL"), pulse, with_shadow=True)


@pytest.fixture
def upload(store, clinic, files):
    def upload(*words: bytes) -> JobRecord:
        images, folder = [], files.new_folder()
        for number, word in enumerate(words):
            incoming = folder.new_file()
            incoming.write(word)
            images.append(NewImage(f"{number}.png", incoming.keep(), len(word)))
        return create_job(store, clinic.id, "job", images)

    return upload


def work_off(shadow: Shadow) -> None:
    while shadow.step():
        pass


def shadowed(store: Store, clinic) -> int:
    return sum(sum(one.counts.values()) for one in store.shadows(clinic.id))


def test_what_has_its_result_is_classified_once_more(runner, store, clinic, files, upload):
    job = upload(b"a", b"b", b"c", b"d", b"e")
    assert runner.run() == 5
    assert store.job(clinic.id, job.id).status is JobStatus.COMPLETE, "it waits for no shadow"
    other = Scripted("shadow-1", "OTHER")
    work_off(Shadow(store, files, other))
    assert sorted(other.seen) == [b"a", b"b", b"c", b"d", b"e"]
    (found,) = store.shadows(clinic.id)
    assert (found.model, found.shadow) == ("active-1", "shadow-1")
    assert found.counts == {("NORMAL", "OTHER"): 5}
    differing = store.images(clinic.id, None, ImageFilter(differs_from="shadow-1")).items
    assert {image.result.label for image in differing} == {"NORMAL"}
    assert len(differing) == 5
    work_off(Shadow(store, files, other))
    assert len(other.seen) == 5, "what it has done is not done again"


def test_it_rests_while_anything_waits_for_its_result(runner, store, clinic, files, upload):
    upload(b"a")
    runner.run()
    upload(b"b")
    other = Scripted("shadow-1", "OTHER")
    shadow = Shadow(store, files, other)
    assert not shadow.step()
    assert other.seen == []
    runner.run()
    work_off(shadow)
    assert shadowed(store, clinic) == 2


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), UnreadableImage("It is broken."), OSError("no disk")]
)
def test_what_it_fails_on_is_left_out_and_its_result_stands(
    runner, store, clinic, files, upload, error
):
    job = upload(b"a", b"bad", b"c")
    runner.run()
    before = store.images(clinic.id, job.id).items
    shadow = Shadow(store, files, Scripted("shadow-1", "OTHER", {b"bad": error}))
    work_off(shadow)
    assert shadowed(store, clinic) == 2
    assert store.images(clinic.id, job.id).items == before
    assert store.job(clinic.id, job.id).status is JobStatus.COMPLETE


def test_a_worker_that_dies_after_the_result_leaves_the_rest_to_the_next(
    runner, store, settings, clinic, files, upload
):
    """Nothing of it is in the worker's memory."""
    upload(b"a", b"b")
    runner.run()
    store.close()
    after = Store(settings.database_url)
    work_off(Shadow(after, files, Scripted("shadow-1", "OTHER")))
    assert shadowed(after, clinic) == 2
    after.close()


def test_an_image_that_ends_the_shadow_does_not_end_the_next_one(
    runner, store, clinic, files, upload
):
    upload(b"a", b"huge", b"c", b"d", b"e", b"f")
    runner.run()
    endangered = Scripted("shadow-1", "OTHER", {b"huge": MemoryError()})
    shadow = Shadow(store, files, endangered)
    with pytest.raises(MemoryError):
        work_off(shadow)
    work_off(Shadow(store, files, endangered))
    assert endangered.seen.count(b"huge") == 1
    assert shadowed(store, clinic) == 4, "all but that one, and the one that it held besides"


def test_a_file_that_is_kept_no_longer_is_left_out(runner, store, clinic, files, upload):
    job = upload(b"a", b"b")
    runner.run()
    gone = store.images(clinic.id, job.id).items[0]
    files.path(gone.file_key).unlink()
    work_off(Shadow(store, files, Scripted("shadow-1", "OTHER")))
    assert shadowed(store, clinic) == 1
