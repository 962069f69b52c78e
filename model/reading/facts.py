"""What a file says about the film beside its picture."""

import datetime
from dataclasses import dataclass
from typing import Any

# DICOM: pixels at the detector, where shadows are larger than the patient, or measured on them.
SPACING_AT_DETECTOR, SPACING_AT_PATIENT = "detector", "patient"
MAX_SPACING_MM = 10.0
MAX_VIEW = 16  # what DICOM's code strings may have
MAX_PATIENT, MAX_ACCESSION = 64, 16  # its long and its short strings


@dataclass(frozen=True)
class FilmFacts:
    """Each None when the file does not say.

    view: DICOM's ViewPosition, such as PA or AP. taken_on: day of the exposure.
    spacing_mm: of the file's pixels, between rows and between columns. spacing_at: one of
    SPACING_AT_DETECTOR and SPACING_AT_PATIENT. patient, accession: DICOM's PatientID and
    AccessionNumber. burned_in_text: whether DICOM's BurnedInAnnotation says that the picture holds
    text that may name somebody.
    """

    view: str | None = None
    taken_on: datetime.date | None = None
    spacing_mm: tuple[float, float] | None = None
    spacing_at: str | None = None
    patient: str | None = None
    accession: str | None = None
    burned_in_text: bool | None = None

    def as_json(self) -> dict[str, Any] | None:
        """For a database or a program, without whose film it is; None when nothing is known."""
        known = {
            "view": self.view,
            "taken_on": self.taken_on.isoformat() if self.taken_on else None,
            "spacing_mm": list(self.spacing_mm) if self.spacing_mm else None,
            "spacing_at": self.spacing_at,
            "burned_in_text": self.burned_in_text,
        }
        return {name: value for name, value in known.items() if value is not None} or None


def checked_spacing(values: Any) -> tuple[float, float] | None:
    """Two spacings in millimetres, or None for what cannot be any."""
    try:
        rows, columns = (float(value) for value in values)
    except (TypeError, ValueError):
        return None
    if not (0 < rows <= MAX_SPACING_MM and 0 < columns <= MAX_SPACING_MM):
        return None
    return rows, columns


def checked_text(text: Any, max_length: int) -> str | None:
    """An identifier without the spaces around it, or None for what cannot be one."""
    text = str(text or "").strip(" \0")
    return text if text and len(text) <= max_length and text.isprintable() else None


def checked_day(text: Any) -> datetime.date | None:
    """DICOM's YYYYMMDD as a day, or None."""
    try:
        return datetime.datetime.strptime(str(text).strip(), "%Y%m%d").date()
    except ValueError:
        return None
