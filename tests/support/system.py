"""A clinic's store, files and queue in the test's own process, and other processes beside them."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from tests.support.databases import migrated_store
from tests.support.rows import create_job
from worker.files.image_files import ImageFiles
from worker.queue.dispatch import Dispatcher
from worker.records.images import ImageStatus
from worker.records.jobs import JobRecord, JobStatus, NewImage
from worker.records.work import WorkerRecord
from worker.settings import Settings
from worker.store.schema import Image


class System:
    """Store, files and queue of one clinic, and workers as processes beside them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = migrated_store(settings.database_url)
        self.clinic = self.store.ensure_clinic("clinic", "token")
        self.files = ImageFiles(settings.images_dir)
        self.dispatcher = Dispatcher(self.store, settings)
        self.processes: list[subprocess.Popen] = []

    def start_worker(self, **changes) -> subprocess.Popen:
        return self.start("cxr", "worker", **{"workers": 1, **changes})

    def start(self, module: str, *arguments: str, **changes) -> subprocess.Popen:
        """`python -m MODULE ARGUMENTS` with these settings, but for the changes."""
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **replace(self.settings, **changes).environment()},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def upload(self, *paths: Path, send: bool = True) -> JobRecord:
        images, folder = [], self.files.new_folder()
        for path in paths:
            incoming = folder.new_file()
            with path.open("rb") as opened:
                shutil.copyfileobj(opened, incoming)
            images.append(NewImage(path.name, incoming.keep(), path.stat().st_size))
        job = create_job(self.store, self.clinic.id, "job", images)
        if send:
            self.dispatcher.wake(len(images))
        return job

    def busy_worker(self) -> WorkerRecord | None:
        """A worker that holds images now."""
        with self.store.database.reading() as session:
            holders = set(session.scalars(select(Image.lease_holder).distinct()))
        return next((one for one in self.store.workers_up() if one.id in holders), None)

    def complete(self, job: JobRecord) -> bool:
        return self.store.job(self.clinic.id, job.id).status is JobStatus.COMPLETE

    def results(self, job: JobRecord) -> list[ImageStatus]:
        return [image.status for image in self.store.all_images(self.clinic.id, job.id)]

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()
        self.dispatcher.close()
        self.store.close()
