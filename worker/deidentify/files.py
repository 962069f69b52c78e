"""A stored file in the place of itself: without what the profile of its clinic does not keep."""

import os
import secrets
from pathlib import Path

from model.errors import Rejection
from model.reading.formats import sniff
from worker.deidentify.elements import NotDeidentified, deidentified
from worker.patient_data import Changes, DataKey

__all__ = ["NotDeidentified", "deidentify_file"]


def deidentify_file(path: Path, clinic: DataKey) -> Changes | None:
    """Replace a DICOM file on the disk, durably and in one step. Returns: what was done, None for
    any other file, which stays as it is.

    Raises NotDeidentified, OSError.
    """
    data = path.read_bytes()
    try:
        if sniff(data) != "DICOM":
            return None
    except Rejection:
        return None
    content, changes = deidentified(data, clinic)
    if content is not data:
        # Of its own: another worker may do the same, after this one was taken for dead.
        written = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            with written.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)
    return changes
