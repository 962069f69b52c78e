"""The image store: uploaded files and their pictures, by their keys.

Each upload has a folder of its own (`worker.files.incoming`). With a key of the setting, files and
pictures are encrypted here (`worker.files.sealing`), on their way to the disk.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from worker.errors import StorageUnavailable
from worker.files.incoming import FOLDER_NAME_BYTES, NO_KEYS, IncomingFile, UploadFolder
from worker.files.locks import changing, remove
from worker.files.sealing import (
    HEADER_BYTES,
    FileKey,
    FileKeys,
    is_sealed,
    key_id,
    locked,
    sealed,
    unsealed,
)
from worker.files.space import check_free
from worker.files.writing import name_of, remove_folder, replace_file, unavailable, write_durably
from worker.settings import Settings


class ImageFiles:
    """The folder of uploaded images. `min_free_mb`: what uploads leave free on its disk."""

    def __init__(self, root: Path, min_free_mb: int = 0, keys: FileKeys = NO_KEYS) -> None:
        self.root = root
        self._min_free_mb = min_free_mb
        self._keys = keys

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """For a process that reads and writes files, with the keys of the setting.

        Raises FileLocked when a key is missing with which files were encrypted here.
        """
        files = cls(settings.images_dir, settings.min_free_mb, FileKeys(settings.file_keys))
        files._note_keys()
        return files

    def new_folder(self) -> UploadFolder:
        """A place for the files of one upload; it is made with the first of them."""
        return UploadFolder(self.root, self._min_free_mb, self._keys)

    def new_file(self, file: Path) -> IncomingFile:
        """A new file to write at that place. Raises StorageUnavailable."""
        return IncomingFile(file, self._min_free_mb, self._keys)

    def check_room_for(self, size_bytes: int) -> None:
        """Raises StorageUnavailable when so much more would not fit on the disk."""
        check_free(self.root, self._min_free_mb, size_bytes)

    @property
    def has_room(self) -> bool:
        """Whether uploads are taken."""
        try:
            check_free(self.root, self._min_free_mb)
        except StorageUnavailable:
            return False
        return True

    def path(self, key: str) -> Path:
        return self.root / key

    @property
    def key_names(self) -> Path:
        """A folder of empty files, named after the keys that files were encrypted with."""
        return self.root.with_name("file_keys")

    def read(self, file: Path) -> bytes:
        """The content of an uploaded file or a picture, encrypted or not.

        Raises OSError, FileLocked, FileDamaged.
        """
        content = file.read_bytes()
        if not is_sealed(content):
            return content
        return unsealed(content, self._keys.of(content, name_of(file)))

    def write(self, file: Path, content: bytes, durable: bool = False, alone: bool = False) -> None:
        """Put a file in place of another one, or a new one, so that nobody sees half of it.

        durable: it is on the disk when this returns. alone: the caller has locked the folder for
        itself; waiting for a turn would never end. Raises OSError, also when the folder is gone.
        """
        replace_file(file, content, self.key_to_write(file), durable, alone)

    def key_id(self, file: Path) -> str | None:
        """The name of the key that a file is encrypted with; None: it is not. Raises OSError."""
        with file.open("rb") as opened:
            return key_id(opened.read(HEADER_BYTES))

    @property
    def key_ids(self) -> list[str]:
        """Names of the keys of the setting: that of new files first."""
        return self._keys.ids

    def encrypt(self, file: Path) -> bool:
        """Encrypt a stored file that is not, or is with a former key, durably and in one step.

        Others may read, replace and delete it meanwhile. Returns: False when they did; the file is
        as they left it. Raises OSError, FileNotFoundError when it is gone, FileLocked, FileDamaged.
        """
        with file.open("rb") as opened:
            content = opened.read()
            if is_sealed(content):
                content = unsealed(content, self._keys.of(content, name_of(file)))
            # The same name each time: what a killed process left is written over.
            written = file.with_name(f"{file.name}.encrypted")
            try:
                write_durably(written, sealed(content, self._keys.new(name_of(file))))
                with changing(file.parent, alone=True):
                    # As long as it is open, no other file gets its number.
                    if not os.path.samestat(file.stat(), os.fstat(opened.fileno())):
                        return False
                    written.replace(file)
                    return True
            finally:
                written.unlink(missing_ok=True)

    def key_to_read(self, file: Path) -> FileKey | None:
        """What another process needs to read this file. Raises FileLocked, OSError."""
        with file.open("rb") as opened:
            beginning = opened.read(HEADER_BYTES)
        return self._keys.of(beginning, name_of(file)) if is_sealed(beginning) else None

    def key_to_write(self, file: Path) -> FileKey | None:
        """What another process needs to write this file; None when it is not to be encrypted."""
        return self._keys.new(name_of(file))

    def small_picture(self, key: str) -> Path:
        """Where the small picture of that file lies, if it has one."""
        return self.root / f"{key}.jpg"

    @property
    def picture_cache(self) -> Path:
        """The folder of large pictures, in a folder for each upload; they can be drawn again."""
        return self.root.with_name("pictures")

    def delete_originals(self, keys: Iterable[str]) -> None:
        """Delete files and their large pictures; small pictures stay."""
        for key in keys:
            remove(self.path(key))
            remove_folder(self.picture_cache / self.path(key).parent.name)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete files with their pictures, and the folders that they leave empty. Missing files
        are not an error."""
        folders = set()
        for key in keys:
            remove(self.path(key))
            remove(self.small_picture(key))
            folders.add(self.path(key).parent)
        for folder in folders:
            remove_folder(self.picture_cache / folder.name)
            with contextlib.suppress(OSError):  # not empty, or gone
                folder.rmdir()

    def noted_keys(self) -> set[str]:
        """Names of the keys that files here were encrypted with."""
        return {entry.name for entry in self.key_names.glob("*")}

    def forget_key(self, name: str) -> None:
        """No file is encrypted with that key any more, so nobody needs it to start."""
        (self.key_names / name).unlink(missing_ok=True)

    def _note_keys(self) -> None:
        """Raises FileLocked, StorageUnavailable."""
        if missing := sorted(self.noted_keys() - set(self._keys.ids)):
            raise locked(missing[0])
        try:
            for id_ in self._keys.ids[:1]:
                self.key_names.mkdir(parents=True, exist_ok=True)
                (self.key_names / id_).touch()
        except OSError as error:
            raise unavailable(error) from error

    def folders(self, older_than_s: float) -> Iterator[str]:
        """Names of upload folders to which nothing was added for so many seconds."""
        newest = time.time() - older_than_s
        with contextlib.suppress(FileNotFoundError), os.scandir(self.root) as entries:
            for entry in entries:
                if len(entry.name) != 2 * FOLDER_NAME_BYTES:
                    continue  # not made here, like `lost+found` on a volume of its own
                with contextlib.suppress(FileNotFoundError):  # deleted in between
                    if entry.stat().st_mtime < newest:
                        yield entry.name

    def delete_folder(self, name: str) -> None:
        remove_folder(self.root / name)
        remove_folder(self.picture_cache / name)
