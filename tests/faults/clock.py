"""A wall clock that can be set, for the processes of a test only."""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clock:
    """`environment` gives a process this clock; `set_ahead` moves it while the process runs."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._library = folder / "clock.so"
        self._file.write_bytes(struct.pack("l", 0))
        compiler = shutil.which("gcc") or shutil.which("cc")
        self.available = compiler is not None
        if compiler:
            options = ["-O2", "-shared", "-fPIC", "-o", str(self._library), str(SOURCE), "-ldl"]
            subprocess.run([compiler, *options], check=True)

    @property
    def environment(self) -> dict[str, str]:
        if not self.available:
            return {}
        return {"LD_PRELOAD": str(self._library), "CXR_TEST_CLOCK": str(self._file)}

    def set_ahead(self, seconds: int) -> None:
        """Negative sets it back."""
        with self._file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as shared:
            shared[:] = struct.pack("l", seconds)
