"""What a clinic's files keep of their patients: the profiles, and what was done to a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from model.framing.box import Box

# Endings that a neutral file name keeps; any other may say something about the patient.
KNOWN_SUFFIXES = (".dcm", ".dicom", ".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".zip")


class Profile(StrEnum):
    """What is kept of a file that a clinic uploads."""

    CLINICAL = "clinical"
    PSEUDONYM = "pseudonym"
    RESEARCH = "research"

    @property
    def changes_files(self) -> bool:
        return self is not Profile.CLINICAL

    def hides_text(self, chosen: bool) -> bool:
        """Whether pictures are black where the film seems to hold text.

        chosen: what the clinic says, which only `pseudonym` leaves to it.
        """
        return self is Profile.RESEARCH or (chosen and self is Profile.PSEUDONYM)


PROFILE_MEANS = {
    Profile.CLINICAL: "Files and their names are kept as they came.",
    Profile.PSEUDONYM: "DICOM files lose names and identifiers (PS3.15 basic profile). The patient "
    "ID becomes a pseudonym, UIDs become new ones, the same for the same patient and study. Dates, "
    "sex, age, size and weight stay. Other files lose all that is not their picture (EXIF, place, "
    "comments). File names are replaced.",
    Profile.RESEARCH: "As with pseudonyms, and sex, age, size and weight go too. All dates of a "
    "patient are shifted by the same number of days. Pictures are black where text seems to "
    "be burned into the film.",
}


@dataclass(frozen=True)
class PatientDataRule:
    """What a clinic keeps of its patients; hides_text as in `Profile.hides_text`."""

    profile: Profile = Profile.CLINICAL
    hides_text: bool = False

    def __str__(self) -> str:
        return f"{self.profile}, text in pictures hidden" if self.hides_text else self.profile

    def as_detail(self) -> dict[str, str]:
        """For the audit trail."""
        return {
            "patient_data": self.profile.value,
            "hides_text": "yes" if self.hides_text else "no",
        }


@dataclass(frozen=True)
class DataKey:
    """A clinic's profile, and the secret (32 bytes) that its pseudonyms are made with."""

    profile: Profile
    key: bytes
    hides_text: bool = False


@dataclass(frozen=True)
class Changes:
    """What was done to a file: keywords of DICOM elements, by what became of them; of another file,
    the kinds of data beside its picture that were removed.

    private: how many private elements were removed, with those that no edition of DICOM knows.
    """

    profile: Profile
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    shifted: tuple[str, ...] = ()
    private: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "profile": self.profile.value,
            "removed": list(self.removed),
            "replaced": list(self.replaced),
            "shifted": list(self.shifted),
            "private": self.private,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Changes":
        return cls(
            Profile(kept["profile"]),
            *(tuple(kept[name]) for name in ("removed", "replaced", "shifted")),
            private=kept["private"],
        )


@dataclass(frozen=True)
class FilmText:
    """Where text seems to be burned into a film, and whether pictures are black there."""

    boxes: tuple[Box, ...]
    hidden: bool

    def as_json(self) -> dict[str, Any]:
        """As it is kept, beside what the file says of its film."""
        boxes = [[round(edge, 4) for edge in box] for box in self.boxes]
        return {"text_boxes": boxes, "text_hidden": self.hidden}


def neutral_name(number: int, filename: str) -> str:
    """The name that the `number`th file of a job gets instead of its own."""
    suffix = PurePosixPath(filename).suffix.lower()
    return f"image-{number:04d}{suffix if suffix in KNOWN_SUFFIXES else ''}"
