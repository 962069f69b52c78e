"""The elements of a DICOM file: which are removed, replaced or shifted.

What happens to an element is decided by table E.1-1 of PS3.15 (Basic Application Level
Confidentiality Profile), as `dicom-anonymizer` keeps it, in every item of every sequence. Elements
that the table does not name stay, among them all that describe the picture; private elements and
those of no known standard go.
"""

import datetime
import functools
import hmac
import io
from collections.abc import Callable

import dicomanonymizer.simpledicomanonymizer as basic
import pydicom
from pydicom.datadict import (
    dictionary_has_tag,
    dictionary_VR,
    keyword_for_tag,
    repeater_has_tag,
)
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from model.reading.dicom_bounds import BoundedReader
from worker.deidentify.pseudonyms import Pseudonyms
from worker.patient_data import Changes, DataKey, Profile

EDITION = "dicomfields_2026c"
METHOD = "cxr-batch"
MAX_DEPTH = 16  # of sequences in sequences; scanners use three or four
DATES_AND_TIMES = ("DA", "DT", "TM")
# UIDs that DICOM itself gives out name kinds of things, not things (PS3.6).
DICOM_ROOT = "1.2.840.10008."
BIRTH = frozenset(map(Tag, ("PatientBirthDate", "PatientBirthTime")))
PATIENT_ID = Tag("PatientID")
# Retain Patient Characteristics Option, as far as X-rays of the chest have them.
CHARACTERISTICS = frozenset(map(Tag, ("PatientSex", "PatientAge", "PatientSize", "PatientWeight")))
# Codes of CID 7050.
PROFILE_CODE = ("113100", "Basic Application Confidentiality Profile")
OPTION_CODES = {
    Profile.PSEUDONYM: (
        ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
        ("113108", "Retain Patient Characteristics Option"),
    ),
    Profile.RESEARCH: (
        ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    ),
}
_VERBS = ("removed", "replaced", "shifted")


class NotDeidentified(Exception):
    """Raised when a file cannot be freed from what its profile does not keep."""


def deidentified(data: bytes, clinic: DataKey) -> tuple[bytes, Changes]:
    """The file without what the profile takes away, and what was done.

    The stored picture is the same, byte by byte. A file that went through this before, with the
    same key, comes back as it is. Raises NotDeidentified, also when its parser gives up.
    """
    try:
        dataset = pydicom.dcmread(BoundedReader(data), force=True)
        pseudonyms = Pseudonyms(clinic.key)
        if (before := _changes_before(dataset, pseudonyms)) is not None:
            return data, before
        changes = _Cleaner(dataset, clinic.profile, pseudonyms).clean()
        _declare(dataset, changes, pseudonyms)
        return _written(dataset), changes
    except MemoryError:
        raise
    except Exception as error:
        # pydicom raises some ten different types on damaged data, with values of the file in them.
        raise NotDeidentified(type(error).__name__) from None


class _Cleaner:
    """Goes through one file, and notes what it does."""

    def __init__(self, dataset: pydicom.Dataset, profile: Profile, pseudonyms: Pseudonyms) -> None:
        self._dataset = dataset
        self._profile = profile
        self._pseudonyms = pseudonyms
        self._patient_id = _text(dataset, "PatientID")
        # Without a patient ID the dates of a study still move together.
        patient = self._patient_id or _text(dataset, "StudyInstanceUID")
        self._shift = datetime.timedelta(days=pseudonyms.days(patient))
        self._found: dict[str, set[str]] = {verb: set() for verb in _VERBS}
        self._private = 0
        implicit, _ = dataset.original_encoding
        self._explicit = not implicit

    def clean(self) -> Changes:
        # Group 0002 is not in the table as a whole: what names applications and files goes.
        meta = getattr(self._dataset, "file_meta", None)
        if meta is not None:
            self._clean_meta(meta)
        self._clean_items(self._dataset, 0)
        names = {verb: tuple(sorted(found)) for verb, found in self._found.items()}
        return Changes(self._profile, private=self._private, **names)

    def _clean_meta(self, meta: pydicom.Dataset) -> None:
        kept = {Tag("TransferSyntaxUID"), Tag("MediaStorageSOPClassUID")}
        for tag in [*meta.keys()]:
            if tag == Tag("MediaStorageSOPInstanceUID"):
                self._replace_uid(meta, tag)
            elif tag not in kept:
                del meta[tag]

    def _clean_items(self, dataset: pydicom.Dataset, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError("sequences are nested too deeply")
        for tag in [*dataset.keys()]:
            if dictionary_has_tag(tag):
                self._clean_element(dataset, tag, depth)
                if self._explicit and tag in dataset and dataset.get_item(tag).VR is None:
                    dataset[tag]  # converts what a mixed file stores without its representation
            elif repeater_has_tag(tag):
                self._remove(dataset, tag)  # overlays and curves are drawn on the picture
            else:
                if tag.element != 0:  # length of a group: nobody's data, and wrong by now
                    self._private += 1
                del dataset[tag]

    def _clean_element(self, dataset: pydicom.Dataset, tag: BaseTag, depth: int) -> None:
        action = _action(tag)
        vr = _vr(dataset, tag)
        if tag == PATIENT_ID and self._patient_id and depth == 0:
            self._put(dataset, tag, vr, self._pseudonyms.patient(self._patient_id))
        elif tag in BIRTH:
            self._put(dataset, tag, vr, "")
        elif vr in DATES_AND_TIMES:
            self._treat_date(dataset, tag, vr)
        elif tag in CHARACTERISTICS and self._profile is Profile.PSEUDONYM:
            return
        elif action is None:
            if vr == "SQ":
                self._descend(dataset, tag, depth)
            elif vr == "PN":
                self._remove(dataset, tag)
        elif action in (basic.replace_UID, basic.delete_or_empty_or_replace_UID):
            if vr == "SQ":
                self._descend(dataset, tag, depth)
            else:
                self._replace_uid(dataset, tag)
        elif vr == "SQ" or action is basic.delete:
            self._remove(dataset, tag)
        else:
            self._put(dataset, tag, vr, None)
            action(dataset, tag)

    def _descend(self, dataset: pydicom.Dataset, tag: BaseTag, depth: int) -> None:
        for item in dataset[tag].value or ():
            self._clean_items(item, depth + 1)

    def _replace_uid(self, dataset: pydicom.Dataset, tag: BaseTag) -> None:
        uids = [str(uid) for uid in _values(dataset, tag) if uid]
        new = [uid if uid.startswith(DICOM_ROOT) else self._pseudonyms.uid(uid) for uid in uids]
        self._put(dataset, tag, "UI", new if len(new) > 1 else "".join(new))

    def _treat_date(self, dataset: pydicom.Dataset, tag: BaseTag, vr: str) -> None:
        # Whole days are shifted, so a time of day does not tell which day it was.
        if self._profile is Profile.PSEUDONYM or vr == "TM":
            return
        values = [str(value).strip() for value in _values(dataset, tag)]
        if any(values):
            shifted = [_shifted(value, self._shift) for value in values]
            dataset[tag] = DataElement(tag, vr, shifted if len(shifted) > 1 else shifted[0])
            self._found["shifted"].add(_name(tag))

    def _put(self, dataset: pydicom.Dataset, tag: BaseTag, vr: str, value: object) -> None:
        dataset[tag] = DataElement(tag, vr, value)
        self._found["replaced"].add(_name(tag))

    def _remove(self, dataset: pydicom.Dataset, tag: BaseTag) -> None:
        del dataset[tag]
        self._found["removed"].add(_name(tag))


@functools.cache
def _actions() -> dict[BaseTag, Callable]:
    # Longer keys are groups that repeat, and those go as a whole.
    actions = basic.initialize_actions(EDITION)
    return {Tag(*where): action for where, action in actions.items() if len(where) == 2}


def _action(tag: BaseTag) -> Callable | None:
    """What the table says; None where it does not name the element."""
    return _actions().get(tag)


def _vr(dataset: pydicom.Dataset, tag: BaseTag) -> str:
    """What the file says, or what DICOM does where it says nothing or `UN`."""
    stated = dataset.get_item(tag).VR
    return str(stated) if stated and stated != "UN" else dictionary_VR(tag).split(" ")[0]


def _values(dataset: pydicom.Dataset, tag: BaseTag) -> list:
    value = dataset[tag].value
    if value is None:
        return []
    return list(value) if isinstance(value, MultiValue | list) else [value]


def _text(dataset: pydicom.Dataset, name: str) -> str:
    return str(dataset.get(name) or "").strip()


def _name(tag: BaseTag) -> str:
    return keyword_for_tag(tag) or f"{tag.group:04X},{tag.element:04X}"


def _shifted(text: str, by: datetime.timedelta) -> str:
    """A date, or a date and time, so much earlier; empty for what is none or not a whole one."""
    try:
        day = datetime.datetime.strptime(text[:8], "%Y%m%d").date() - by
    except (ValueError, OverflowError):
        return ""
    return f"{day:%Y%m%d}".zfill(8) + text[8:]


def _declare(dataset: pydicom.Dataset, changes: Changes, pseudonyms: Pseudonyms) -> None:
    """Say in the file itself what was done, with a proof that it was done here."""
    lines = [f"{METHOD} {changes.profile}", f"private {changes.private}"]
    for verb in _VERBS:
        lines += [f"{verb} {name}" for name in getattr(changes, verb)]
    dataset.PatientIdentityRemoved = "YES"
    dataset.LongitudinalTemporalInformationModified = (
        "MODIFIED" if changes.profile is Profile.RESEARCH else "UNMODIFIED"
    )
    dataset.DeidentificationMethod = [_proof(dataset, lines, pseudonyms), *lines]
    dataset.DeidentificationMethodCodeSequence = [
        _code(*code) for code in (PROFILE_CODE, *OPTION_CODES[changes.profile])
    ]


def _changes_before(dataset: pydicom.Dataset, pseudonyms: Pseudonyms) -> Changes | None:
    """What `_declare` wrote into the file, with this key."""
    value = dataset.get("DeidentificationMethod")
    if not isinstance(value, MultiValue):
        return None
    proof, *lines = map(str, value)
    if not hmac.compare_digest(_proof(dataset, lines, pseudonyms).encode(), proof.encode()):
        return None
    said = [line.split(" ") for line in lines]
    (_, profile), (_, private), *names = said
    found = {verb: tuple(name for by, name in names if by == verb) for verb in _VERBS}
    return Changes(Profile(profile), private=int(private), **found)


def _proof(dataset: pydicom.Dataset, lines: list[str], pseudonyms: Pseudonyms) -> str:
    return pseudonyms.proof("\n".join([_text(dataset, "SOPInstanceUID"), *lines]))


def _code(value: str, meaning: str) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _written(dataset: pydicom.Dataset) -> bytes:
    implicit, little = dataset.original_encoding
    meta = dataset.file_meta
    if "TransferSyntaxUID" not in meta:
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    # Whatever stood before the first element: some scanners put a TIFF header there.
    dataset.preamble = b"\0" * 128
    named = bool(dataset.get("SOPClassUID") and dataset.get("SOPInstanceUID"))
    file = io.BytesIO()
    pydicom.dcmwrite(
        file,
        dataset,
        enforce_file_format=named,
        **({} if named else {"implicit_vr": implicit, "little_endian": little}),
    )
    return file.getvalue()
