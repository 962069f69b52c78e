"""The worker's heart on real rows and files, with a classifier that can be told to misbehave."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model.classifier import Prepared, Result
from model.errors import NotAChestXray, UnreadableImage
from model.input.preprocess import Box
from model.reading.formats import sniff
from model.reading.radiograph import Radiograph
from model.scores import GateScore, Triage
from tests.support.pictures import dicom_bytes, nested_item, ramp
from tests.support.rows import create_job, worker_record
from worker.files.image_files import ImageFiles
from worker.files.sealing import is_sealed
from worker.liveness.pulse import Pulse
from worker.patient_data import Changes, Profile
from worker.records.images import ImageStatus
from worker.records.jobs import JobStatus, NewImage
from worker.running.runner import Runner, TimeSlice

SEEN = Box(0.06, 0.06, 0.94, 0.94)


class ScriptedClassifier:
    """Does what the file's content says: `good`, `unreadable`, `crash`, `poison`."""

    version = "scripted-1"
    batch_size = 4
    computes_elsewhere = False

    def __init__(self) -> None:
        self.batches: list[int] = []

    def prepare(
        self, source: bytes, decoded_as: Callable[[Radiograph], None], waived: bool = False
    ) -> Prepared:
        word = source.decode()
        if word == "unreadable":
            raise UnreadableImage("The file is broken.")
        if word == "leg" and not waived:
            raise NotAChestXray("This is a leg.", GateScore("frontal-test", 0.1))
        if word == "crash":
            raise RuntimeError("a bug in a decoder")
        image = np.full((2, 2, 3), word == "poison", dtype=np.float32)
        return Prepared(
            image,
            SEEN,
            lungs_found=True,
            width=20,
            height=10,
            gate=GateScore("frontal-test", 0.9),
            decode_ms=1.0,
            gate_ms=0.5,
            prepare_ms=0.25,
        )

    def classify(self, prepared: Sequence[Prepared]) -> list[Result]:
        if any(one.image.any() for one in prepared):
            raise RuntimeError("the engine failed")
        self.batches.append(len(prepared))
        return [
            Result(
                label="NORMAL",
                probabilities={"COVID19": 0.1, "NORMAL": 0.7, "PNEUMONIA": 0.2},
                uncertain_reasons=("close_call",),
                triage=Triage(0.3, 0.25),
                maps={"attention": np.eye(3, dtype=np.float16)},
                box=SEEN,
                model=self.version,
                infer_ms=2.0,
            )
            for _ in prepared
        ]


@pytest.fixture
def classifier() -> ScriptedClassifier:
    return ScriptedClassifier()


@pytest.fixture
def pulse(store) -> Pulse:
    return Pulse(store, worker_record("this"), lease_s=60, step_limit_s=60)


@pytest.fixture
def runner(store, files, classifier, pulse) -> Runner:
    return Runner(store, files, classifier, pulse)


@pytest.fixture
def upload(store, clinic, files):
    def upload(*words: str):
        images, folder = [], files.new_folder()
        for word in words:
            incoming = folder.new_file()
            incoming.write(word.encode())
            images.append(NewImage(f"{word}.png", incoming.keep(), len(word)))
        return create_job(store, clinic.id, "job", images)

    return upload


@pytest.mark.parametrize("beside", [False, True])
def test_everything_that_waits_is_worked_off_in_batches(
    runner, classifier, store, clinic, upload, beside
):
    classifier.computes_elsewhere = beside
    job = upload(*["good"] * 10)
    assert runner.run() == 10
    assert classifier.batches == [4, 4, 2]
    finished = store.job(clinic.id, job.id)
    assert (finished.status, finished.counts.done) == (JobStatus.COMPLETE, 10)
    image = store.images(clinic.id, job.id).items[0]
    assert (image.result.label, image.result.model, image.width) == ("NORMAL", "scripted-1", 20)
    assert (image.result.uncertain, image.result.uncertain_reasons) == (True, ("close_call",))
    assert image.result.triage == Triage(0.3, 0.25)
    assert image.result.timings_ms == {"decode": 1.0, "gate": 0.5, "prepare": 0.25, "infer": 2.0}
    (attention,) = store.maps(clinic.id, image.id)
    assert attention.name == "attention"
    assert attention.box == SEEN
    np.testing.assert_array_equal(attention.grid, np.eye(3))


def test_one_bad_file_never_fails_its_batch(runner, store, clinic, upload, files):
    job = upload("good", "unreadable", "leg", "crash", "poison", "good", "gone")
    gone = store.images(clinic.id, job.id).items[-1]
    files.delete([gone.file_key])
    assert runner.run() == 7
    results = [(i.status, i.reason) for i in store.images(clinic.id, job.id).items]
    assert results == [
        (ImageStatus.DONE, None),
        (ImageStatus.REJECTED, "unreadable"),
        (ImageStatus.REJECTED, "not_a_chest_xray"),
        (ImageStatus.FAILED, "internal_error"),
        (ImageStatus.FAILED, "internal_error"),
        (ImageStatus.DONE, None),
        (ImageStatus.FAILED, "file_missing"),
    ]
    assert store.job(clinic.id, job.id).status is JobStatus.COMPLETE
    assert all(i.message for i in store.images(clinic.id, job.id).items if i.reason)


def test_the_gates_score_is_kept_with_done_and_rejected_images(runner, store, clinic, upload):
    job = upload("good", "unreadable", "leg")
    runner.run()
    gates = [image.gate for image in store.images(clinic.id, job.id).items]
    assert gates == [GateScore("frontal-test", 0.9), None, GateScore("frontal-test", 0.1)]


def test_no_file_name_reaches_the_log(runner, upload, caplog):
    upload("crash")
    runner.run()
    assert "could not be prepared" in caplog.text
    assert "crash.png" not in caplog.text


def test_a_picture_that_cannot_be_drawn_costs_no_result(
    runner, store, clinic, upload, files, classifier, monkeypatch
):
    job = upload(*["good"] * 6)
    width, drawn = iter(range(1, 7)), []

    def prepare(source: bytes, decoded_as, **more) -> Prepared:
        decoded_as(Radiograph(np.ones((2, 2), np.float32), next(width), 2, 0.0, "PNG"))
        return ScriptedClassifier.prepare(classifier, source, decoded_as, **more)

    def draw(radiograph: Radiograph) -> bytes:
        drawn.append(radiograph.width)
        if radiograph.width == 3:
            raise ValueError("no picture")
        return b"a picture"

    monkeypatch.setattr(classifier, "prepare", prepare)
    monkeypatch.setattr("worker.running.preparing.small_jpeg", draw)
    assert runner.run() == 6
    assert drawn == [1, 2, 3, 4, 5, 6]
    images = store.images(clinic.id, job.id).items
    assert {image.status for image in images} == {ImageStatus.DONE}
    pictures = [files.small_picture(image.file_key).exists() for image in images]
    assert pictures == [True, True, False, True, True, True]


def test_stopping_finishes_what_was_claimed_and_leaves_the_rest(runner, store, clinic, upload):
    job = upload(*["good"] * 10)
    assert runner.run(stop=lambda: True) == 4
    counts = store.job(clinic.id, job.id).counts
    assert (counts.done, counts.running, counts.waiting) == (4, 0, 6)


@pytest.mark.parametrize("computes_elsewhere", [False, True])
def test_the_next_batch_is_prepared_beside_a_network_that_computes_elsewhere(
    runner, upload, classifier, monkeypatch, computes_elsewhere
):
    upload(*["good"] * 8)
    classifier.computes_elsewhere = computes_elsewhere
    threads = []

    def prepare(source: bytes, decoded_as, waived: bool = False) -> Prepared:
        threads.append(threading.current_thread())
        return ScriptedClassifier.prepare(classifier, source, decoded_as)

    monkeypatch.setattr(classifier, "prepare", prepare)
    assert runner.run() == 8
    beside = [thread is not threading.current_thread() for thread in threads]
    assert beside == [False] * 4 + [computes_elsewhere] * 4


def test_an_image_that_was_tried_before_has_the_worker_for_itself(
    runner, store, clinic, upload, classifier, monkeypatch
):
    job = upload(*["good"] * 9)
    store.claim(2, lease_s=-1)
    store.take_back_expired(max_attempts=3)
    held = []

    def prepare(source: bytes, decoded_as, waived: bool = False) -> Prepared:
        held.append(store.job(clinic.id, job.id).counts.running)
        return ScriptedClassifier.prepare(classifier, source, decoded_as)

    monkeypatch.setattr(classifier, "prepare", prepare)
    assert runner.run() == 9
    assert held[:2] == [1, 1], "the two that were tried, the one after the other"
    assert max(held[2:]) > 1
    assert classifier.batches == [1, 1, 4, 3]


def test_nothing_to_do_is_quick_and_harmless(runner):
    assert runner.run() == 0


def test_a_time_slice_ends_by_the_clock_or_by_request():
    assert TimeSlice(0)()
    assert not TimeSlice(60)()
    assert TimeSlice(60, also=lambda: True)()


def test_a_waived_image_passes_the_gate(runner, store, clinic, upload):
    job = upload("leg")
    runner.run()
    assert store.image(clinic.id, 1).reason == "not_a_chest_xray"
    store.classify_anyway(clinic.id, 1, "Ann")
    runner.run()
    image = store.image(clinic.id, 1)
    assert (image.status, image.result.label) == (ImageStatus.DONE, "NORMAL")
    assert store.job(clinic.id, job.id).counts.done == 1


@pytest.fixture
def dicom_upload(store, clinic, files):
    """Stores one file of these bytes as a job. Returns: its path."""

    def upload(content: bytes, into: ImageFiles = files) -> Path:
        incoming = into.new_folder().new_file()
        incoming.write(content)
        image = NewImage("image-0001.dcm", incoming.keep(), len(content), original_name="Doe.dcm")
        create_job(store, clinic.id, "job", [image])
        return files.path(image.file_key)

    return upload


class Reads(ScriptedClassifier):
    """Looks at the file as it is when its turn comes."""

    def prepare(self, source, decoded_as, waived=False):
        self.seen = source
        good = b"good" if sniff(self.seen) == "DICOM" else b"unreadable"
        return super().prepare(good, decoded_as, waived)


@pytest.mark.parametrize("profile", Profile)
def test_a_file_loses_what_its_clinic_does_not_keep(
    store, clinic, files, pulse, dicom_upload, profile
):
    store.set_profile(clinic.id, profile)
    path, classifier = dicom_upload(given := dicom_bytes(ramp(), PatientID="4711")), Reads()
    assert Runner(store, files, classifier, pulse).run() == 1
    (image,) = store.all_images(clinic.id, None)
    assert image.status is ImageStatus.DONE
    assert classifier.seen == path.read_bytes()
    if profile is Profile.CLINICAL:
        assert (path.read_bytes(), image.deidentified) == (given, None)
        return
    assert b"Secret" not in path.read_bytes()
    changes = Changes.from_json(image.deidentified)
    assert (changes.profile, "PatientName" in changes.replaced) == (profile, True)

    store.set_profile(clinic.id, Profile.CLINICAL)
    path = dicom_upload(given)
    assert Runner(store, files, classifier, pulse).run() == 1
    assert path.read_bytes() == given, "the next batch goes by the new profile"


def test_a_file_that_cannot_be_cleaned_is_not_kept(store, clinic, files, pulse, dicom_upload):
    store.set_profile(clinic.id, Profile.RESEARCH)
    endless = dicom_bytes(ramp(), AnatomicRegionSequence=[nested_item(40)])
    paths = [dicom_upload(endless), dicom_upload(b"%PDF of a patient")]
    assert Runner(store, files, Unread(), pulse).run() == 2
    images = list(store.all_images(clinic.id, None))
    assert [(image.status, image.reason, image.file_key) for image in images] == [
        (ImageStatus.REJECTED, "not_deidentified", None),
        (ImageStatus.REJECTED, "unsupported_format", None),
    ]
    assert not any(path.exists() for path in paths)


def test_encrypted_files_are_worked_on_and_stay_encrypted(
    store, settings, clinic, pulse, dicom_upload
):
    store.set_profile(clinic.id, Profile.RESEARCH)
    files = ImageFiles.of(replace(settings, files_key="k" * 40))
    path, classifier = dicom_upload(dicom_bytes(ramp()), files), Reads()
    assert Runner(store, files, classifier, pulse).run() == 1
    assert is_sealed(path.read_bytes())
    assert files.read(path) == classifier.seen
    assert b"Secret" not in classifier.seen


@pytest.mark.parametrize("profile", [Profile.CLINICAL, Profile.RESEARCH])
def test_without_the_key_an_image_fails_and_succeeds_with_it_later(
    store, settings, clinic, pulse, dicom_upload, profile
):
    store.set_profile(clinic.id, profile)
    with_key = ImageFiles.of(replace(settings, files_key="k" * 40))
    path = dicom_upload(dicom_bytes(ramp()), with_key)
    damaged = dicom_upload(dicom_bytes(ramp()), with_key)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    without = ImageFiles(settings.images_dir)
    assert Runner(store, without, Reads(), pulse).run() == 2
    assert [image.reason for image in store.all_images(clinic.id, None)] == ["file_locked"] * 2
    store.retry_images(clinic.id, [image.id for image in store.all_images(clinic.id, None)])
    assert Runner(store, with_key, Reads(), pulse).run() == 2
    images = list(store.all_images(clinic.id, None))
    assert [(image.status, image.reason) for image in images] == [
        (ImageStatus.DONE, None),
        (ImageStatus.FAILED, "file_damaged"),
    ]
    assert path.exists()


class Unread(ScriptedClassifier):
    def prepare(self, source, decoded_as, waived=False):
        sniff(source)
        raise AssertionError("a file that was not cleaned is not classified")
