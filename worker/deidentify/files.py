"""A stored file in the place of itself: without what the profile of its clinic does not keep."""

from model.errors import Rejection
from model.reading.formats import sniff
from worker.deidentify.elements import NotDeidentified, deidentified
from worker.intake.files import ImageFiles
from worker.patient_data import Changes, DataKey

__all__ = ["NotDeidentified", "deidentify_file"]


def deidentify_file(files: ImageFiles, key: str, clinic: DataKey) -> Changes | None:
    """Replace a stored DICOM file, durably and in one step. Returns: what was done, None for any
    other file, which stays as it is.

    Raises NotDeidentified, OSError, FileLocked, FileDamaged.
    """
    path = files.path(key)
    data = files.read(path)
    try:
        if sniff(data) != "DICOM":
            return None
    except Rejection:
        return None
    content, changes = deidentified(data, clinic)
    if content is not data:
        files.write(path, content, durable=True)
    return changes
