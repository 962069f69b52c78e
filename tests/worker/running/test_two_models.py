"""Workers on two artifacts, at once on the same jobs: each job gets one of them."""

import threading
from dataclasses import replace
from pathlib import Path

from model.classifier import Classifier
from tests.support.rows import create_job, worker_record
from worker.liveness.pulse import Pulse
from worker.records.jobs import JobStatus, NewImage
from worker.running.runner import Runner
from worker.store import Store

FOUR = ("BACTERIAL", "COVID19", "NORMAL", "VIRAL")


def run(artifact: Path, settings, files) -> None:
    """A worker's work in a thread of its own, with its own connections."""
    classifier, store = Classifier.load(artifact), Store(settings.database_url)
    worker = replace(worker_record(classifier.version), model=classifier.version)
    store.register_worker(worker)
    Runner(store, files, classifier, Pulse(store, worker, lease_s=60, step_limit_s=60)).run()
    store.close()


def test_two_artifacts_never_mix_in_one_job(settings, store, clinic, files, chest, toy_artifact):
    three = toy_artifact(name="three")
    four = toy_artifact(labels=FOUR, architecture="learn_to_pay_attention", name="four")
    jobs = []
    for number in range(4):
        folder, images = files.new_folder(), []
        for one in range(8):
            incoming = folder.new_file()
            incoming.write(chest.read_bytes())
            images.append(NewImage(f"{one}.png", incoming.keep(), chest.stat().st_size))
        jobs.append(create_job(store, clinic.id, f"job {number}", images))
    workers = [threading.Thread(target=run, args=(one, settings, files)) for one in (three, four)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    labels = {"three-0.0.1": ("COVID19", "NORMAL", "PNEUMONIA"), "four-0.0.1": FOUR}
    for job in jobs:
        found = store.job(clinic.id, job.id)
        assert (found.status, found.counts.done) == (JobStatus.COMPLETE, 8)
        results = [image.result for image in store.all_images(clinic.id, job.id)]
        assert {result.model for result in results} == {found.model}
        assert found.labels == labels[found.model]
        assert {tuple(result.probabilities) for result in results} == {found.labels}
        first = store.images(clinic.id, job.id).items[0]
        maps = [one.name for one in store.maps(clinic.id, first.id)]
        assert len(maps) == (1 if found.model == "three-0.0.1" else 3)
