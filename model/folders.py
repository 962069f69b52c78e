"""The files in a folder, as commands take them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path


def files_in(top: Path, cannot_list: Callable[[OSError], None]) -> Iterator[Path]:
    """All files below a folder, sorted by name in each, without what is hidden.

    Links are followed, but each folder is entered once. A link to nothing is given, too, for the
    caller to complain of; pipes and sockets, which would be waited for without end, are not.
    cannot_list: is told of each folder that cannot be listed.
    """
    entered = {top.resolve()}
    for folder, subfolders, names in os.walk(top, onerror=cannot_list, followlinks=True):
        subfolders[:] = [
            name
            for name in sorted(subfolders)
            if not name.startswith(".") and _is_new(Path(folder, name).resolve(), entered)
        ]
        files = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
        yield from (file for file in files if file.is_file() or not file.exists())


def _is_new(folder: Path, entered: set[Path]) -> bool:
    is_new = folder not in entered
    entered.add(folder)
    return is_new
