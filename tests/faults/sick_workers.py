"""`python -m tests.faults.sick_workers`: two workers under their supervisor, whose decoder dies or
hangs on marked files, in C and with the interpreter's lock, as a real one would."""

import ctypes
import os
import sys
from pathlib import Path

from model import classifier
from model.reading.radiograph import Radiograph, decode
from worker.running.process import run_worker
from worker.settings import Settings
from worker.supervise.process import Part
from worker.supervise.supervisor import Supervisor

WORKERS = 2
SICKNESS = {
    b"die by a bad address": lambda: ctypes.string_at(0),
    b"die by an abort": os.abort,
    b"hang for ever": ctypes.PyDLL(None).pause,
}


def decode_or_worse(source: Path, **options: int) -> Radiograph:
    """As `model.reading.radiograph.decode`, but for marked files."""
    sickness = SICKNESS.get(source.read_bytes())
    if sickness:
        sickness()
    return decode(source, **options)


def main() -> None:
    if sys.argv[1:] == ["one"]:
        classifier.decode = decode_or_worse
        sys.exit(run_worker(Settings.from_env()))
    command = [sys.executable, "-m", "tests.faults.sick_workers", "one"]
    with Supervisor() as supervisor:
        for number in range(WORKERS):
            supervisor.start(Part(f"sick-{number}", command, {}))
        supervisor.watch()


if __name__ == "__main__":
    main()
