"""Replace a stored file by one without what the profile of its clinic does not keep."""

from model.errors import Rejection
from model.reading.formats import sniff
from worker.deidentify.elements import NotDeidentified, deidentified
from worker.deidentify.rasters import without_metadata
from worker.files.image_files import ImageFiles
from worker.patient_data import Changes, DataKey

__all__ = ["NotDeidentified", "deidentify_file"]


def deidentify_file(files: ImageFiles, key: str, clinic: DataKey) -> Changes | None:
    """Replace a stored file, durably and in one step. Returns: what was done, None for a file of no
    known format, which stays as it is.

    Raises NotDeidentified, OSError, FileLocked, FileDamaged.
    """
    path = files.path(key)
    data = files.read(path)
    try:
        kind = sniff(data)
    except Rejection:
        return None
    content, changes = _cleaned(data, kind, clinic)
    if content is not data:
        files.write(path, content, durable=True)
    return changes


def _cleaned(data: bytes, kind: str, clinic: DataKey) -> tuple[bytes, Changes]:
    if kind == "DICOM":
        return deidentified(data, clinic)
    try:
        content, removed = without_metadata(data, kind)
    except MemoryError:
        raise
    except Exception as error:
        # As with DICOM: damaged data can raise anything, with values of the file in it.
        raise NotDeidentified(type(error).__name__) from None
    return content, Changes(clinic.profile, removed=removed)
