"""A drawing process whose decoder dies or hangs on marked files, with and without the interpreter's
lock.

The mark is at the end of a file: workers, whose decoders are well, take no notice of it.
"""

import ctypes
from pathlib import Path

from model.reading.radiograph import Radiograph, decode
from tests.faults import sick_workers

HANGS = {
    b"hang for ever": ctypes.PyDLL(None).pause,
    b"hang and let others run": ctypes.CDLL(None).pause,
}
DIES = {mark: die for mark, die in sick_workers.SICKNESS.items() if mark not in HANGS}
_HERE = Path(__file__).parent
SICK_PATH = f"{_HERE / 'sick_path'}:{_HERE.parents[1]}"  # for PYTHONPATH


def decode_or_worse(source: bytes, **options: int) -> Radiograph:
    """As `model.reading.radiograph.decode`, but for marked files."""
    for mark, sickness in (HANGS | DIES).items():
        if source.endswith(mark):
            sickness()
    return decode(source, **options)
