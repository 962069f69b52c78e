"""Resumable uploads: they arrive in pieces, over any number of connections.

Each has a folder with its pieces and a note of what they are. A piece counts once it is durable and
the note names it, so after any failure the upload goes on where the note says. The last piece
counts only once whoever began the upload has taken the whole of it; another note in the place of
the first tells those who ask again. Pieces and notes are encrypted like all files. An upload goes
when nothing came for a while.
"""

import contextlib
import io
import json
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from worker.errors import NotFound, PieceMisplaced, TooManyUnfinished, UploadTooLarge
from worker.files.image_files import ImageFiles
from worker.files.locks import changing
from worker.files.pieces import Announced, Joined
from worker.files.writing import sync_folder
from worker.settings import MEGABYTE, Settings

PIECE_BYTES = 16_000_000  # what one piece holds; a broken connection loses none of them
MAX_PER_CLINIC = 200
NOTE, NOTE_OF_RECEIVED = "note", "received"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Unfinished:
    """An upload that is on its way to an open job, or has been received.

    length: bytes in all. filename: of one file. body_type: the Content-Type of a body that holds
    several, as `POST /jobs/{id}/images` takes it; `filename` is empty then. pieces: name and bytes
    of each.
    """

    id: str
    job_id: int
    length: int
    filename: str = ""
    body_type: str = ""
    pieces: tuple[tuple[str, int], ...] = ()
    received: bool = False

    @property
    def offset(self) -> int:
        """How many bytes are here for good."""
        return self.length if self.received else sum(size for _, size in self.pieces)


# Takes the content of an upload, in order. What it raises leaves the upload without its last piece.
Finish = Callable[[Unfinished, io.BufferedReader], None]


class UnfinishedUploads:
    """The uploads of all clinics; each clinic sees its own. Shared by threads and processes.

    max_bytes: of one upload. expire_s: seconds without bytes after which an upload goes.
    """

    @classmethod
    def of(cls, files: ImageFiles, settings: Settings) -> Self:
        """They expire when the open job that they belong to is closed because no files arrive."""
        return cls(files, settings.max_upload_mb * MEGABYTE, settings.open_job_s)

    def __init__(self, files: ImageFiles, max_bytes: int, expire_s: float) -> None:
        self._files = files
        self._root = files.root.with_name("unfinished")
        self.max_bytes = max_bytes
        self.expire_s = expire_s

    def begin(
        self, clinic_id: int, job_id: int, length: int, filename: str, body_type: str = ""
    ) -> Unfinished:
        """Raises UploadTooLarge, TooManyUnfinished, StorageUnavailable."""
        if length > self.max_bytes:
            raise UploadTooLarge(
                f"The upload has {length} bytes, and at most {self.max_bytes} are accepted.",
                "upload_too_large",
            )
        if len(self._notes(clinic_id)) >= MAX_PER_CLINIC:
            raise TooManyUnfinished(
                f"The clinic has {MAX_PER_CLINIC} unfinished uploads, the most that are kept. "
                "Finish or delete some of them."
            )
        self._files.check_room_for(2 * length)  # its pieces, and what becomes of them
        upload = Unfinished(secrets.token_hex(16), job_id, length, filename, body_type)
        self._folder(clinic_id, upload.id).mkdir(parents=True)
        self._note(clinic_id, upload)
        return upload

    def announced_bytes(self, clinic_id: int) -> int:
        """How much the clinic's unfinished uploads will be when they are whole."""
        total = 0
        for note in self._notes(clinic_id):
            with contextlib.suppress(FileNotFoundError):  # received or deleted meanwhile
                total += self._read(note).length
        return total

    def find(self, clinic_id: int, upload_id: str) -> Unfinished:
        """Raises NotFound, also for an upload that has expired."""
        note = _note_in(self._folder(clinic_id, upload_id))
        try:
            if note.stat().st_mtime < time.time() - self.expire_s:
                raise FileNotFoundError
            return self._read(note)
        except FileNotFoundError:
            raise no_such_upload() from None

    def expires_at(self, clinic_id: int, upload_id: str) -> float:
        """Seconds since 1970."""
        return _note_in(self._folder(clinic_id, upload_id)).stat().st_mtime + self.expire_s

    def append(
        self,
        clinic_id: int,
        upload: Unfinished,
        chunks: Iterable[bytes],
        finish: Finish,
        check: Callable[[], None] | None = None,
    ) -> Unfinished:
        """Add what comes to the end of `upload`, and have it taken when it is whole.

        What `chunks` raises, such as at a broken connection, is raised again once all that had come
        is kept. check: called when all has come; if it raises, nothing of it counts, and until then
        nothing does. Raises PieceMisplaced when something else was added meanwhile, UploadTooLarge,
        StorageUnavailable, and what `finish` raises.
        """
        chunks = Announced(chunks, upload.length - upload.offset)
        kept: list[tuple[str, int]] = []
        try:
            while (piece := self._keep(clinic_id, upload.id, chunks)) is not None:
                kept.append(piece)
                if check is None:
                    upload = self._counted(clinic_id, upload, kept, finish)
                    kept = []
            if check is not None and chunks.error is None:
                check()
            if (kept and chunks.error is None) or upload.length == 0:
                upload = self._counted(clinic_id, upload, kept, finish)
                kept = []
        finally:
            for name, _ in kept:
                (self._folder(clinic_id, upload.id) / name).unlink(missing_ok=True)
        if chunks.error is not None:
            raise chunks.error
        return upload

    def stored(self) -> Iterator[Path]:
        """Pieces and notes on the disk, of all clinics; some are gone before they are read."""
        return self._root.glob("*/*/*")

    def delete(self, clinic_id: int, upload_id: str) -> None:
        shutil.rmtree(self._folder(clinic_id, upload_id), ignore_errors=True)

    def delete_expired(self) -> int:
        """Returns: how many went. One that was received goes in the same way; its job has it."""
        gone = 0
        oldest = time.time() - self.expire_s
        for folder in self._root.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                note = _note_in(folder)
                # Without a note it was just begun, or it is being deleted.
                if (note if note.exists() else folder).stat().st_mtime < oldest:
                    shutil.rmtree(folder, ignore_errors=True)
                    gone += 1
        return gone

    def _folder(self, clinic_id: int, upload_id: str) -> Path:
        if not _ID.fullmatch(upload_id):
            raise no_such_upload()
        return self._root / str(clinic_id) / upload_id

    def _keep(self, clinic_id: int, upload_id: str, chunks: Announced) -> tuple[str, int] | None:
        """Write the next piece. Returns: its name and bytes; None when nothing came."""
        if not (first := chunks.next()):
            return None
        size, chunk, left = 0, first, PIECE_BYTES
        name = secrets.token_hex(8)
        with self._files.new_file(self._folder(clinic_id, upload_id) / name) as piece:
            while chunk:
                piece.write(chunk)
                size += len(chunk)
                left -= len(chunk)
                chunk = chunks.next() if left > 0 else b""
            piece.keep()
        return name, size

    def _counted(
        self, clinic_id: int, upload: Unfinished, kept: list[tuple[str, int]], finish: Finish
    ) -> Unfinished:
        """The upload with these pieces, once the disk has them; received, if they are the last."""
        folder = self._folder(clinic_id, upload.id)
        with self._locked(clinic_id, upload.id):
            now = self.find(clinic_id, upload.id)
            if now.offset != upload.offset:
                raise PieceMisplaced(
                    f"Other bytes were added meanwhile: {now.offset} of {now.length} are here. Go "
                    "on from there."
                )
            longer = replace(upload, pieces=(*upload.pieces, *kept))
            if longer.offset < longer.length:
                self._note(clinic_id, longer, alone=True)
                return longer
            finish(longer, self._reader(folder, longer))
            received = replace(longer, received=True, pieces=())
            self._note(clinic_id, received, alone=True)
        for name in (NOTE, *(name for name, _ in longer.pieces)):
            (folder / name).unlink(missing_ok=True)
        return received

    def _notes(self, clinic_id: int) -> list[Path]:
        """Of the clinic's uploads that are not received yet."""
        return list((self._root / str(clinic_id)).glob(f"*/{NOTE}"))

    def _read(self, note: Path) -> Unfinished:
        said = json.loads(self._files.read(note))
        return Unfinished(**said | {"pieces": tuple(map(tuple, said["pieces"]))})

    def _note(self, clinic_id: int, upload: Unfinished, alone: bool = False) -> None:
        folder = self._folder(clinic_id, upload.id)
        content = json.dumps(asdict(upload)).encode()
        try:
            name = NOTE_OF_RECEIVED if upload.received else NOTE
            self._files.write(folder / name, content, durable=True, alone=alone)
            sync_folder(folder)
        except FileNotFoundError:
            raise _went_meanwhile() from None

    @contextlib.contextmanager
    def _locked(self, clinic_id: int, upload_id: str) -> Iterator[None]:
        """One at a time; the end of a process ends its turn."""
        with contextlib.ExitStack() as turn:
            try:
                turn.enter_context(changing(self._folder(clinic_id, upload_id), alone=True))
            except FileNotFoundError:
                raise _went_meanwhile() from None
            yield

    def _reader(self, folder: Path, upload: Unfinished) -> io.BufferedReader:
        pieces = (self._files.read(folder / name) for name, _ in upload.pieces)
        return io.BufferedReader(Joined(pieces), 1024 * 1024)


def _note_in(folder: Path) -> Path:
    received = folder / NOTE_OF_RECEIVED
    return received if received.exists() else folder / NOTE


def no_such_upload() -> NotFound:
    return NotFound("There is no such upload, or it has expired. Start it again.")


def _went_meanwhile() -> NotFound:
    return NotFound("The upload was deleted or has expired. Start it again.")
