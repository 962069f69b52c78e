"""`python -m tests.faults.sick_workers`: two workers under their supervisor, whose decoder dies,
hangs or is slow on marked files, in C and with the interpreter's lock, as a real one would."""

import ctypes
import os
import sys
from dataclasses import replace

from model.input import prepared
from model.reading.radiograph import Radiograph, decode
from worker.running.process import run_worker
from worker.settings import Settings
from worker.supervise import process
from worker.supervise.parts import worker_part
from worker.supervise.supervisor import Supervisor

WORKERS = 2
SICKNESS = {
    b"die by a bad address": lambda: ctypes.string_at(0),
    b"die by an abort": os.abort,
    b"hang for ever": ctypes.PyDLL(None).pause,
}
SLOW, SLOW_S = b"take several seconds", 4


def decode_or_worse(source: bytes, **options: int) -> Radiograph:
    """As `model.reading.radiograph.decode`, but for marked files."""
    sickness = SICKNESS.get(source)
    if sickness:
        sickness()
    if source == SLOW:
        ctypes.PyDLL(None).sleep(SLOW_S)
    return decode(source, **options)


def main() -> None:
    if sys.argv[1:] == ["one"]:
        prepared.decode = decode_or_worse
        sys.exit(run_worker(Settings.from_env()))
    command = [sys.executable, "-m", "tests.faults.sick_workers", "one"]
    process.MAX_DELAY_S = process.FIRST_DELAY_S  # they are meant to die again and again
    with Supervisor() as supervisor:
        for number in range(WORKERS):
            part = worker_part(Settings.from_env(), f"sick-{number}")
            supervisor.start(replace(part, command=command))
        supervisor.watch()


if __name__ == "__main__":
    main()
