"""What is made once for all the processes of a test run, because it takes long."""

import atexit
import fcntl
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

# Of the test run, where pytest runs it; else of this process.
folder_of_run: Path | None = None


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name`, filled by `make` in the process that needs it first; leave it alone.

    The others wait for it meanwhile.
    """
    here = folder_of_run or _own_folder()
    folder, made = here / name, here / f"{name}.made"
    with (here / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@cache
def _own_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cxr-made-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
