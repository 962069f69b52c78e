"""A DICOM file's window, lookup table and padding, as `decode` shows them."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from model.reading.radiograph import decode
from tests.support.pictures import dicom_bytes, ramp

LEVELS = 4096
RAMP = ramp(LEVELS, np.uint16)
FULL = RAMP / np.float32(LEVELS - 1)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_is_applied(photometric):
    data = dicom_bytes(RAMP, photometric=photometric, WindowCenter=2048, WindowWidth=2048)
    pixels = decode(data).pixels
    expected = np.clip((RAMP.astype(np.float32) - 1024) / 2047, 0, 1)

    if photometric == "MONOCHROME1":
        expected = 1 - expected
    np.testing.assert_allclose(pixels, expected, atol=2e-3)


def test_the_first_of_several_windows_counts():
    both = decode(dicom_bytes(RAMP, WindowCenter=[2048, 500], WindowWidth=[2048, 100])).pixels
    first = decode(dicom_bytes(RAMP, WindowCenter=2048, WindowWidth=2048)).pixels

    np.testing.assert_array_equal(both, first)


@pytest.mark.parametrize(("centre", "width"), [(40_000, 100), (-5_000, 20), (2048, 1)])
def test_a_window_that_leaves_nothing_is_not_believed(centre, width):
    pixels = decode(dicom_bytes(RAMP, WindowCenter=centre, WindowWidth=width)).pixels

    np.testing.assert_allclose(pixels, FULL, atol=1e-6)


def test_the_window_is_in_units_after_rescaling():
    data = dicom_bytes(
        RAMP, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3096, WindowWidth=4096
    )
    expected = np.clip((RAMP.astype(np.float32) - 1024) / 2047, 0, 1)

    np.testing.assert_allclose(decode(data).pixels, expected, atol=2e-3)


def test_a_lookup_table_is_applied():
    table = Dataset()
    table.LUTDescriptor = [LEVELS, 0, 16]
    table.LUTData = (np.arange(LEVELS, dtype=np.uint32) ** 2 // 256).astype(np.uint16).tobytes()
    data = dicom_bytes(RAMP, syntax=ExplicitVRLittleEndian, VOILUTSequence=[table])

    np.testing.assert_allclose(decode(data).pixels, FULL**2, atol=1e-3)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_set_the_range(photometric):
    stored = RAMP.copy()
    stored[:, :10] = 60_000
    data = dicom_bytes(stored, photometric=photometric, PixelPaddingValue=60_000)
    pixels = decode(data).pixels

    assert pixels[:, :10].max() < 1e-6
    assert pixels[:, 10:].max() - pixels[:, 10:].min() > 0.99
    assert np.ptp(pixels[60, 10:]) > 0.9
