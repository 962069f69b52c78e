"""Paths of the pictures of an uploaded file. They are deleted with it.

A small one lies beside the file, for as long as the file: a worker saves it with the result. Larger
ones are drawn on demand into a cache of bounded size.
"""

import contextlib
import os
from pathlib import Path

from worker.files.image_files import ImageFiles
from worker.files.locks import remove
from worker.files.sealing import FileKey
from worker.settings import MEGABYTE

# What can be drawn besides pictures of at most so many pixels a side.
SMALL, FILM = "small", "film"
# How that ends, as exit codes of the fork that draws it.
DRAWN, REFUSED, FAILED = 0, 3, 4
NO_TEXT = "no-text"


class PictureFiles:
    """The pictures of the files in an image store."""

    def __init__(self, files: ImageFiles, max_cache_mb: int) -> None:
        self._files = files
        self._max_cache_bytes = max_cache_mb * MEGABYTE

    def source(self, key: str) -> Path:
        """The uploaded file itself."""
        return self._files.path(key)

    def small(self, key: str) -> Path:
        """A JPEG; it may not exist (yet)."""
        return self._files.small_picture(key)

    def large(self, key: str, what: int | str, hides_text: bool = False) -> Path:
        """A PNG of at most `what` pixels a side, or FILM: of all pixels and grey values of the
        file. It may not exist (yet, or any more)."""
        folder, _, name = key.partition("/")
        kind = f"{what}.{NO_TEXT}" if hides_text else f"{what}"
        return self._files.picture_cache / folder / f"{name}.{kind}.png"

    def read(self, picture: Path) -> bytes:
        """Raises OSError, FileLocked, FileDamaged."""
        return self._files.read(picture)

    def keys(self, source: Path, target: Path) -> tuple[FileKey | None, FileKey | None]:
        """What a drawing process needs to read the one and to write the other, and nothing else.

        Raises OSError, FileLocked.
        """
        return self._files.key_to_read(source), self._files.key_to_write(target)

    def used(self, picture: Path) -> None:
        """Keep this one longer than those that nobody looks at."""
        with contextlib.suppress(OSError):
            os.utime(picture)

    def trim(self, drawn: Path | None = None) -> None:
        """Delete what was not used for longest, down to the size that the cache may have.

        drawn: the picture that somebody waits for; it stays, whatever the size.
        """
        found = []
        for picture in self._files.picture_cache.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                stat = picture.stat()
                found.append((stat.st_mtime, stat.st_size, picture))
        too_much = sum(size for _, size, _ in found) - self._max_cache_bytes
        for _, size, picture in sorted(found):
            if too_much <= 0:
                return
            if picture == drawn:
                continue
            remove(picture)
            with contextlib.suppress(OSError):  # not empty
                picture.parent.rmdir()
            too_much -= size
