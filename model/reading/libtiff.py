"""Keeps libtiff quiet, which Pillow reads TIFF files with.

It writes a line on stderr for every damaged row, past Python: one hostile file would put thousands
of lines into a worker's log, and a job of them would fill the disk.
"""

import ctypes
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_SETTERS = (
    "TIFFSetErrorHandler",
    "TIFFSetErrorHandlerExt",
    "TIFFSetWarningHandler",
    "TIFFSetWarningHandlerExt",
)


def silence() -> None:
    """Take its error handlers away, in this process; without effect where it cannot be found."""
    if not _MAPS.exists():
        return
    loaded = {line.split(maxsplit=5)[-1] for line in _MAPS.read_text().splitlines()}
    for path in loaded:
        if Path(path).name.startswith("libtiff"):
            library = ctypes.CDLL(path)
            for name in _SETTERS:
                setter = getattr(library, name)
                setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
                setter(None)
