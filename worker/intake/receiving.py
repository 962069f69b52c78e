"""The one way in: open an upload, add its files one by one, then accept or abandon it.

Whoever brings the files calls the same four verbs:

    with intake.receive(clinic_id) as upload:
        upload.add("chest.dcm", chunks)
        job = upload.accept(name="Monday")

Workers start on a file as soon as it is durable. The clinic is shown the job as a whole, once it is
accepted; an upload that is not accepted leaves nothing. Memory stays small however large it is: a
file goes to the disk in chunks as it arrives, and an archive is unpacked member by member.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Self

from sqlalchemy.exc import OperationalError

from worker.files.image_files import ImageFiles
from worker.files.removal import remove_some
from worker.intake.fingerprint import Fingerprint
from worker.intake.keeping import Keeper
from worker.intake.names import job_name
from worker.intake.quota import Quota
from worker.intake.sorting import Sorter
from worker.intake.writing import RowWriter
from worker.patient_data import neutral_name
from worker.records.jobs import Acceptance, Arriving, JobRecord, NewImage, outer_folder
from worker.settings import Settings
from worker.store import Store

log = logging.getLogger(__name__)


class Intake:
    """Where uploads go. Shared by threads."""

    def __init__(
        self, store: Store, files: ImageFiles, settings: Settings, wake: Callable[[int], object]
    ) -> None:
        """wake: is told how many images have begun to wait."""
        self.store = store
        self.files = files
        self.settings = settings
        self.wake = wake
        self.quota = Quota(store.stored_bytes, settings.max_stored_mb)

    def check_room(self, clinic_id: int, more_bytes: int = 0) -> None:
        """Raises TooManyWaiting, QuotaReached when a clinic may not send so much now, or nothing at
        all."""
        self.store.check_room(clinic_id, self.settings.max_waiting_images)
        self.quota.check(clinic_id, more_bytes)

    def receive(self, clinic_id: int, into: JobRecord | None = None) -> "Upload":
        """A new job on its way, or more files for the open job `into`.

        Raises TooManyWaiting, QuotaReached.
        """
        self.check_room(clinic_id)
        return Upload(self, clinic_id, into)


class Upload:
    """One upload. Used as a context: unless accepted, it is abandoned at the end."""

    def __init__(self, intake: Intake, clinic_id: int, into: JobRecord | None) -> None:
        """Files and rows are made with the first `add`."""
        self._intake = intake
        self._clinic_id = clinic_id
        self._into = into
        self._first: str | None = None
        self._folder_of_all: str | None = None
        self._count = 0
        self._renames = intake.store.patient_data_rule(clinic_id).profile.changes_files
        self._already = into.counts.total if into else 0
        self._folder = intake.files.new_folder()
        self._fingerprint = Fingerprint()
        self._keeper = Keeper(self._folder)
        self._rows = RowWriter(intake.store, self._folder, self._arriving, intake.wake)
        self._sorter = Sorter(self._keeper, self._take, intake.settings, self._already)
        self._accepted = False
        # What is known of it so far; `accept` has the last word.
        self.urgent = into.urgent if into else False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._accepted:
            self.abandon()
        self._keeper.close()

    def __len__(self) -> int:
        return self._count

    @property
    def content_sha256(self) -> str:
        """Of what was added so far."""
        return self._fingerprint.hexdigest()

    def add(self, filename: str, chunks: Iterable[bytes]) -> None:
        """Take one file, or the members of a zip archive; `chunks` is read to its end.

        Raises UploadTooLarge, StorageUnavailable, UploadAbandoned, TooManyWaiting, QuotaReached.
        """
        self._sorter.add(filename, self._fingerprint.passing(filename, self._moving(chunks)))

    def refuse(self, filename: str, content: bytes, reason: str, message: str) -> None:
        """An image for a file that cannot be used, with its reason code and sentence."""
        self._fingerprint.add(filename, [content])
        self._sorter.refuse(filename, reason, message)

    def accept(
        self, name: str = "", urgent: bool = False, key: str | None = None, stays_open: bool = False
    ) -> JobRecord:
        """Show the job to its clinic, once every file is durable. Returns: the job.

        key: what the sender calls the upload. Raises KeyTaken when there is an upload of that key,
        JobNotOpen, and OperationalError when the database does not answer: then the upload may have
        been accepted, and whoever repeats it with its key finds out.
        """
        acceptance = Acceptance(
            name=job_name(name, self._first, self._count, self._folder_of_all),
            urgent=self._into.urgent if self._into else urgent,
            open=stays_open,
            idempotency_key=key,
            content_sha256=self.content_sha256,
            max_images=self._intake.settings.max_job_images,
        )
        job = self._rows.accept(acceptance)
        self._accepted = True
        return job

    def abandon(self) -> None:
        """Let nothing of the upload stay, unless the database has accepted it.

        Its answer may have been lost, so files go only after the database has said that the rows
        do. While it does not answer, nothing goes: the sweeper abandons what is left.
        """
        self._rows.give_up()
        self._keeper.close()
        if not self._rows.begun:
            self._folder.delete()
            return
        try:
            if not self._intake.store.abandon(self._folder.name):
                return
            self._folder.delete()
            remove_some(self._intake.store, self._intake.files)
        except OperationalError as error:
            log.warning("an upload is left to the sweeper (%s)", type(error.orig).__name__)

    def _take(self, image: NewImage, kept) -> None:
        self._count += 1
        if kept is not None:
            self._intake.quota.take(self._clinic_id, image.size_bytes)
        if self._renames:
            name = neutral_name(self._already + self._count, image.filename)
            image = replace(image, filename=name, original_name=image.filename)
        folder = outer_folder(image.filename)
        if self._first is None:
            self._first, self._folder_of_all = image.filename, folder
        elif folder != self._folder_of_all:
            self._folder_of_all = None
        self._rows.put(image, kept)

    def _moving(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._rows.check()
            yield chunk

    def _arriving(self) -> Arriving:
        return Arriving(
            clinic_id=self._clinic_id,
            upload=self._folder.name,
            urgent=self.urgent,
            part_of=self._into.id if self._into else None,
            max_waiting=self._intake.settings.max_waiting_images,
        )
