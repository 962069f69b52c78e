"""`cxr files encrypt`: encrypt stored files with the newest key of the setting.

Web servers and workers go on meanwhile: each file is replaced in one step, unless it was changed in
between (`worker.files.image_files`). A run that was stopped goes on with what is left, since each
file says which key it is encrypted with.
"""

import contextlib
import fcntl
import logging
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from worker.errors import FileDamaged, FileLocked, FilesBusy, StorageUnavailable
from worker.files.image_files import ImageFiles
from worker.files.unfinished import UnfinishedUploads
from worker.store import Store

log = logging.getLogger(__name__)

TRIES = 5  # at one file that others change meanwhile


@dataclass(frozen=True)
class KeyUse:
    """How much is encrypted with a key. id: None for what is not encrypted."""

    id: str | None
    files: int
    size_bytes: int


@dataclass(frozen=True)
class Encrypted:
    """What a run did. left: what is not under the newest key; forgotten: keys that nothing needs
    any more."""

    files: int
    left: tuple[KeyUse, ...]
    forgotten: tuple[str, ...]


def key_uses(store: Store, files: ImageFiles, unfinished: UnfinishedUploads) -> list[KeyUse]:
    """By key, of all files that are stored, and of uploads that are on their way."""
    found: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    for file in chain(_stored(store, files), unfinished.stored()):
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            use = found[files.key_id(file)]
            use[0] += 1
            use[1] += file.stat().st_size
    return [KeyUse(id_, *use) for id_, use in sorted(found.items(), key=lambda use: use[0] or "")]


def encrypt_stored(
    store: Store,
    files: ImageFiles,
    unfinished: UnfinishedUploads,
    moved: Callable[[], None] = lambda: None,
) -> Encrypted:
    """One run over everything. moved: called after each image.

    Raises FilesBusy while another run is at work, StorageUnavailable when the disk takes no file.
    """
    newest, done = files.key_ids[0], 0
    with _alone(files):
        for key in store.stored_keys():
            done += sum(_encrypted(files, file, newest) for file in _of_key(files, key))
            moved()
        # Large pictures.
        done += sum(_encrypted(files, file, newest) for file in _cached(files))
        uses = key_uses(store, files, unfinished)
        used = {use.id for use in uses}
        forgotten = [name for name in files.noted_keys() if name not in {newest, *used}]
        for name in forgotten:
            files.forget_key(name)
    left = tuple(use for use in uses if use.id != newest)
    return Encrypted(done, left, tuple(sorted(forgotten)))


def _encrypted(files: ImageFiles, file: Path, newest: str) -> bool:
    """Returns: whether it was encrypted now."""
    try:
        for _ in range(TRIES):
            if files.key_id(file) == newest:
                return False
            if files.encrypt(file):
                return True
    except FileNotFoundError:  # none, or deleted meanwhile
        return False
    except (FileLocked, FileDamaged) as error:
        log.error("%s: %s", file.relative_to(files.root.parent), error)
        return False
    except OSError as error:
        raise StorageUnavailable(
            f"{file} cannot be encrypted: {os.strerror(error.errno)}. Run the command again once "
            "that is mended: it goes on with what is left."
        ) from error
    log.error("%s changes all the time", file.relative_to(files.root.parent))
    return False


def _of_key(files: ImageFiles, key: str) -> tuple[Path, Path]:
    return files.path(key), files.small_picture(key)


def _cached(files: ImageFiles) -> Iterator[Path]:
    """Whole ones: those that are being written have another ending."""
    return files.picture_cache.glob("*/*.png")


def _stored(store: Store, files: ImageFiles) -> Iterator[Path]:
    for key in store.stored_keys():
        yield from _of_key(files, key)
    yield from _cached(files)


@contextlib.contextmanager
def _alone(files: ImageFiles) -> Iterator[None]:
    """One run at a time; the end of a process ends its run."""
    descriptor = os.open(files.key_names, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise FilesBusy("Stored files are being encrypted already, by another command.") from None
    finally:
        os.close(descriptor)
