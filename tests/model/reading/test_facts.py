"""What a file says about its film besides the picture, and its whole range of grey values."""

import datetime

import numpy as np
import pytest

from model.errors import LateralXray, NotAChestXray
from model.reading.facts import FilmFacts
from model.reading.radiograph import decode
from tests.support.pictures import dicom_bytes, png_of, ramp

FILM = np.linspace(1000, 3000, 80 * 100).reshape(80, 100).astype(np.uint16)


def facts(**elements: object) -> FilmFacts:
    return decode(dicom_bytes(FILM, **elements)).facts


def test_a_dicom_file_tells_view_day_and_spacing():
    told = facts(ViewPosition="pa", AcquisitionDate="20261124", ImagerPixelSpacing=[0.2, 0.1])
    assert told == FilmFacts("PA", datetime.date(2026, 11, 24), (0.2, 0.1), "detector")
    assert told.as_json() == {
        "view": "PA",
        "taken_on": "2026-11-24",
        "spacing_mm": [0.2, 0.1],
        "spacing_at": "detector",
    }


@pytest.mark.parametrize(
    ("elements", "spacing", "place"),
    [
        ({"PixelSpacing": [0.15, 0.15]}, (0.15, 0.15), "patient"),
        (
            {"PixelSpacing": [0.15, 0.15], "ImagerPixelSpacing": [0.2, 0.2]},
            (0.15, 0.15),
            "patient",
        ),
        (
            {"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": [0.2, 0.2]},
            (0.2, 0.2),
            "detector",
        ),
        ({"PixelSpacing": [0, 0.2]}, None, None),
        ({"PixelSpacing": [500, 500]}, None, None),
        ({}, None, None),
    ],
)
def test_which_spacing_counts(elements, spacing, place):
    told = facts(**elements)
    assert (told.spacing_mm, told.spacing_at) == (spacing, place)


def test_what_is_said_badly_is_left_out():
    assert facts(AcquisitionDate="someday", StudyDate="20200131").taken_on.year == 2020
    assert facts(ViewPosition="").view is None
    assert decode(png_of(ramp() / 255)).facts.as_json() is None


def test_the_whole_range_comes_with_the_window():
    data = dicom_bytes(FILM, WindowCenter=2000, WindowWidth=1000)
    windowed, whole = decode(data), decode(data, whole_range=True)
    assert np.count_nonzero(windowed.pixels == 0) > 1900
    assert np.count_nonzero(whole.pixels == 0) < 10
    assert whole.window == pytest.approx((0.25, 0.75), abs=0.001)
    low, high = whole.window
    again = np.clip((whole.pixels - low) / (high - low), 0, 1)
    np.testing.assert_allclose(again, windowed.pixels, atol=0.002)
    assert whole.bits == 16


def test_a_negative_film_is_turned_with_its_window():
    data = dicom_bytes(FILM, photometric="MONOCHROME1", WindowCenter=1500, WindowWidth=1000)
    whole = decode(data, whole_range=True)
    assert whole.pixels[0, 0] == 1
    assert whole.window == pytest.approx((0.5, 1.0), abs=0.001)


def test_a_person_may_overrule_what_a_file_says_that_it_shows():
    with pytest.raises(LateralXray):
        decode(dicom_bytes(FILM, ViewPosition="LL"))
    assert decode(dicom_bytes(FILM, ViewPosition="LL"), any_subject=True).facts.view == "LL"
    other = dicom_bytes(FILM)
    with pytest.raises(NotAChestXray):
        decode(other.replace(b"CR", b"CT", 1) if b"CR" in other else other)


def test_identifiers_are_known_and_stay_out_of_what_is_told():
    told = facts(PatientID=" P-7 ", AccessionNumber="A1", ViewPosition="PA")
    assert (told.patient, told.accession) == ("P-7", "A1")
    assert told.as_json() == {"view": "PA"}
    assert facts(PatientID="").patient is None
    assert facts(PatientID="x" * 65).patient is None


@pytest.mark.parametrize(
    ("elements", "told"),
    [({"BurnedInAnnotation": "YES"}, True), ({"BurnedInAnnotation": "no "}, False), ({}, None)],
)
def test_whether_the_picture_holds_text_is_told_by_the_file(elements, told):
    assert facts(**elements).burned_in_text is told
