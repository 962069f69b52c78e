"""What a DICOM file loses, in every place where it can say something about the patient."""

import io
from datetime import date, datetime

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from model.reading.radiograph import decode
from tests.support.pictures import dicom_bytes, nested_item, ramp
from worker.deidentify.elements import NotDeidentified, deidentified
from worker.deidentify.pseudonyms import MAX_DAYS, MIN_DAYS, Pseudonyms
from worker.patient_data import DataKey, Profile

KEY = b"the key of a clinic, 32 bytes..."
RESEARCH, PSEUDONYM = DataKey(Profile.RESEARCH, KEY), DataKey(Profile.PSEUDONYM, KEY)
STUDY, SERIES = "1.2.3.4.5", "1.2.3.4.6"
SECRETS = (b"Secret", b"^Person", b"Dr. Person", b"4711", b"Hidden", b"19610203", b"20260105")
SECRETS += (STUDY.encode(), SERIES.encode())


def film(**elements: object) -> bytes:
    """A radiograph that names its patient in many places."""
    request = Dataset()
    request.PatientName, request.ScheduledProcedureStepID = "Secret^Nested", "4711-9"
    coded = Dataset()
    coded.CodeMeaning, coded.PersonName = "kept", "Hidden^Deep"
    private = Dataset()
    private.PatientName = "Hidden^Private"
    dataset = pydicom.dcmread(
        io.BytesIO(
            dicom_bytes(
                ramp(4096, np.uint16),
                PatientID="4711 ",
                PatientBirthDate="19610203",
                PatientSex="F",
                PatientAge="064Y",
                AcquisitionDateTime="20260105101112.5",
                StudyTime="101112",
                StudyInstanceUID=STUDY,
                SeriesInstanceUID=SERIES,
                ViewPosition="PA",
                InstitutionName="Hidden Hospital",
                StudyDescription="Hidden, seen by Dr. Person",
                RequestAttributesSequence=[request],
                ImageComments="Secret comment",
                PixelSpacing=[0.2, 0.2],
                **{"StudyDate": "20260105", "AnatomicRegionSequence": [coded]} | elements,
            )
        )
    )
    block = dataset.private_block(0x0009, "HIDDEN VENDOR", create=True)
    block.add_new(1, "LO", "Hidden private")
    block.add_new(2, "SQ", [private])
    dataset.add_new(0x60003000, "OW", b"Hidden overlay..")
    dataset.preamble = b"Secret preamble".ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = "HiddenAE"
    file = io.BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


def test_research_leaves_nothing_of_the_patient_and_the_same_picture():
    given = film()
    assert all(secret in given for secret in SECRETS)
    left, changes = deidentified(given, RESEARCH)
    assert [secret for secret in SECRETS if secret in left] == []
    before, after = decode(given), decode(left)
    np.testing.assert_array_equal(before.pixels, after.pixels)
    assert read(left).PixelData == read(given).PixelData
    assert (after.facts.view, after.facts.spacing_mm) == ("PA", before.facts.spacing_mm)
    assert {"ImageComments", "PatientAge", "RequestAttributesSequence"} <= set(changes.removed)
    assert {"PatientName", "PatientID", "StudyInstanceUID"} <= set(changes.replaced)
    assert changes.shifted == ("AcquisitionDateTime", "StudyDate")
    assert changes.private == 3
    kept = read(left)
    assert kept.AnatomicRegionSequence[0].CodeMeaning == "kept"
    assert kept.PatientIdentityRemoved == "YES"
    assert [code.CodeValue for code in kept.DeidentificationMethodCodeSequence] == [
        "113100",
        "113107",
    ]
    assert kept.file_meta.MediaStorageSOPInstanceUID == kept.SOPInstanceUID


def test_one_patient_stays_one_patient_and_intervals_stay():
    first = read(deidentified(film(), RESEARCH)[0])
    second = read(deidentified(film(StudyDate="20260112"), RESEARCH)[0])
    assert first.PatientID == second.PatientID == Pseudonyms(KEY).patient("4711")
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    days = [datetime.strptime(one.StudyDate, "%Y%m%d").date() for one in (first, second)]
    assert (days[1] - days[0]).days == 7
    assert MIN_DAYS <= (date(2026, 1, 5) - days[0]).days <= MAX_DAYS
    elsewhere = read(deidentified(film(), DataKey(Profile.RESEARCH, b"another clinic's"))[0])
    assert elsewhere.PatientID != first.PatientID
    assert elsewhere.StudyInstanceUID != first.StudyInstanceUID


def test_a_pseudonym_keeps_dates_and_what_the_patient_is_like():
    left = read(deidentified(film(), PSEUDONYM)[0])
    assert (left.StudyDate, left.PatientSex, left.PatientAge) == ("20260105", "F", "064Y")
    assert (left.PatientBirthDate, left.PatientName) == ("", "")
    assert left.PatientID == Pseudonyms(KEY).patient("4711")


def test_what_went_through_it_stays_as_it_is_and_a_claim_to_have_is_not_believed():
    once, changes = deidentified(film(), RESEARCH)
    assert deidentified(once, RESEARCH) == (once, changes)
    assert deidentified(once, PSEUDONYM) == (once, changes)
    claims = [*read(once).DeidentificationMethod]
    forged, _ = deidentified(
        film(PatientIdentityRemoved="YES", DeidentificationMethod=claims), RESEARCH
    )
    assert b"Secret" not in forged


def test_old_files_without_a_preamble_and_implicit_ones_are_cleaned_too():
    for given in (
        dicom_bytes(ramp(), preamble=False, PatientID="4711"),
        dicom_bytes(ramp(), syntax=ImplicitVRLittleEndian, PatientID="4711"),
    ):
        left, _ = deidentified(given, RESEARCH)
        assert b"Secret" not in left
        assert b"4711" not in left
        np.testing.assert_array_equal(decode(given).pixels, decode(left).pixels)


def test_real_radiographs_keep_their_pixels(radiographs):
    for file in radiographs.values():
        given = file.read_bytes()
        left, _ = deidentified(given, RESEARCH)
        assert read(left).PixelData == read(given).PixelData


def test_nesting_without_end_is_refused():
    with pytest.raises(NotDeidentified):
        deidentified(film(AnatomicRegionSequence=[nested_item(40)]), RESEARCH)
