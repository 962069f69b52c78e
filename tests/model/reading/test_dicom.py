import io
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from model.errors import (
    ImageTooLarge,
    ImageTooSmall,
    ModelError,
    NotAChestXray,
    UnreadableImage,
    UnsupportedFormat,
)
from model.reading.radiograph import decode
from tests.support.pictures import HEIGHT, WIDTH, dicom_bytes, encoded, ramp

LEVELS = 4096
RAMP = ramp(LEVELS, np.uint16)
FULL = RAMP / np.float32(LEVELS - 1)


@pytest.fixture(scope="module")
def real() -> Path:
    """The folder of the package pydicom-data."""
    import data_store

    return Path(data_store.__file__).parent / "data"


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless])
def test_without_a_window_the_full_range_is_shown(syntax):
    radiograph = decode(dicom_bytes(RAMP, syntax=syntax))

    assert radiograph.format == "DICOM"
    assert (radiograph.width, radiograph.height) == (WIDTH, HEIGHT)
    np.testing.assert_allclose(radiograph.pixels, FULL, atol=1e-6)


def test_eight_bits_per_pixel():
    np.testing.assert_allclose(decode(dicom_bytes(ramp())).pixels, ramp() / 255, atol=1e-6)


def test_monochrome1_is_turned_so_that_dense_is_bright():
    pixels = decode(dicom_bytes(RAMP, photometric="MONOCHROME1")).pixels

    np.testing.assert_allclose(pixels, 1 - FULL, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "elements",
    [{}, {"WindowCenter": 2048, "WindowWidth": 2048}, {"PixelPaddingValue": 4095}],
)
def test_reduced_it_shows_the_same(elements, photometric):
    large = np.kron(RAMP, np.ones((6, 6), np.uint16))
    data = dicom_bytes(large, photometric=photometric, **elements)
    whole, reduced = decode(data), decode(data, at_least=HEIGHT)

    assert reduced.pixels.shape == (HEIGHT, WIDTH)
    assert (reduced.width, reduced.height) == (6 * WIDTH, 6 * HEIGHT)
    np.testing.assert_allclose(reduced.pixels, whole.pixels[3::6, 3::6], atol=0.01)


def test_jpeg_baseline():
    photo = encoded(Image.fromarray(ramp()), "JPEG", quality=95)
    data = dicom_bytes(ramp(), syntax=JPEGBaseline8Bit, PixelData=encapsulate([photo]))

    np.testing.assert_allclose(decode(data).pixels, ramp() / 255, atol=0.05)


# Means and deviations as libjpeg (Thomas Richter's) decodes them, in float64.
@pytest.mark.parametrize(
    ("name", "mean", "deviation"),
    [
        ("JPEG-LL", 0.04935, 0.07899),
        ("JPEG-lossy", 0.05448, 0.08191),
        ("JPGExtended", 0.05448, 0.08191),
        ("JPGLosslessP14SV1_1s_1f_8b", 0.06815, 0.15953),
        ("MR_small_jpeg_ls_lossless", 0.30028, 0.30080),
        ("bad_sequence", 0.46713, 0.26268),
    ],
)
def test_kinds_of_jpeg_that_only_dicom_has(name, mean, deviation):
    file = next(
        file
        for package in (data_store, pydicom)
        for file in Path(package.__file__).parent.rglob(f"{name}.dcm")
    )
    dataset = pydicom.dcmread(file)
    dataset.Modality = "DX"
    whole, cut = io.BytesIO(), io.BytesIO()
    dataset.save_as(whole)
    pixels = decode(whole.getvalue()).pixels
    assert pixels.mean() == pytest.approx(mean, abs=1e-4)
    assert pixels.std() == pytest.approx(deviation, abs=1e-4)
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    dataset.PixelData = encapsulate([frame[: len(frame) // 2]])
    dataset.save_as(cut)
    with pytest.raises(UnreadableImage):
        decode(cut.getvalue())


@pytest.mark.parametrize(
    ("name", "modality"), [("JPEG-LL", b"NM"), ("JPEG2000_UNC", b"NM"), ("MR2_J2KR", b"MR")]
)
def test_real_lossless_compression(real, name, modality):
    """The files are no X-rays; under another modality their pixels are decoded all the same."""
    data = (real / f"{name}.dcm").read_bytes()
    pixels = decode(data.replace(b"CS\x02\x00" + modality, b"CS\x02\x00CR")).pixels

    assert np.ptp(pixels) > 0.9
    assert pixels.std() > 0.02


@pytest.mark.parametrize(
    "empty",
    [
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"RescaleSlope": "  ", "RescaleIntercept": "  "},
        {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": None},
        {"VOILUTFunction": ""},
        {"VOILUTSequence": []},
        {"ModalityLUTSequence": []},
    ],
    ids=lambda empty: " ".join(empty),
)
def test_an_element_without_a_value_is_as_none(empty):
    window = {"WindowCenter": 2048, "WindowWidth": 2048}
    without = decode(dicom_bytes(RAMP, **window)).pixels

    np.testing.assert_array_equal(decode(dicom_bytes(RAMP, **window, **empty)).pixels, without)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_files_without_preamble(syntax):
    data = dicom_bytes(RAMP, syntax=syntax, preamble=False)

    assert data[128:132] != b"DICM"
    np.testing.assert_allclose(decode(data).pixels, FULL, atol=1e-6)


def test_a_preamble_may_look_like_a_tiff(real):
    data = (real / "RG1_UNCR.dcm").read_bytes()

    assert data[:4] in (b"II*\x00", b"MM\x00*")
    assert decode(data).format == "DICOM"


def test_non_square_pixels_are_taken_as_square():
    radiograph = decode(dicom_bytes(RAMP, PixelAspectRatio=[2, 1]))

    assert (radiograph.width, radiograph.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("transfer", ["UNCI", "UNCR", "J2KR", "J2KI"])
def test_one_radiograph_in_four_transfer_syntaxes(real, transfer):
    reference = decode(real / "RG1_UNCI.dcm", at_least=200)
    radiograph = decode(real / f"RG1_{transfer}.dcm", at_least=200)

    assert (radiograph.width, radiograph.height) == (1841, 1955)
    assert radiograph.pixels.shape == reference.pixels.shape
    assert np.abs(radiograph.pixels - reference.pixels).mean() < 0.01
    # A chest from the front: the lungs are darker than what lies between them.
    height, width = radiograph.pixels.shape
    row = radiograph.pixels[height // 2 - 20 : height // 2]
    middle, lungs = row[:, int(width * 0.47) : int(width * 0.55)], row[:, int(width * 0.2)]
    assert middle.mean() > lungs.mean()


REFUSED = {
    "693_UNCI": (NotAChestXray, "CT slice"),
    "MR2_J2KR": (NotAChestXray, "MR slice"),
    "US1_UNCI": (NotAChestXray, "ultrasound"),
    "JPEG-LL": (NotAChestXray, "nuclear"),
    "liver": (NotAChestXray, "segmentation"),
    "SC_rgb": (UnsupportedFormat, "colour"),
    "OT-PAL-8-face": (UnsupportedFormat, "colour"),
    "SC_rgb_2frame": (UnsupportedFormat, "2 frames"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_real_files_are_refused_by_what_they_say(real, name):
    error, words = REFUSED[name]

    with pytest.raises(error, match=words):
        decode(real / f"{name}.dcm")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.slow
def test_every_real_file_gets_a_picture_or_a_result(real):
    pictures, messages = set(), []
    for file in real.glob("*.dcm"):
        try:
            decode(file, at_least=100)
            pictures.add(file.stem[:3])
        except ModelError as refused:
            messages.append(str(refused))

    assert pictures == {"RG1", "RG3", "mlu", "vlu"}
    assert all(message.endswith(".") for message in messages)


@pytest.mark.parametrize("view", ["LL", "RL", "LATERAL"])
def test_a_lateral_view_is_refused(view):
    with pytest.raises(NotAChestXray, match="lateral"):
        decode(dicom_bytes(RAMP, ViewPosition=view))


def test_no_picture_at_all():
    data = dicom_bytes(RAMP)
    cut = data[: data.index(b"\xe0\x7f\x10\x00")]

    with pytest.raises(UnreadableImage, match="holds no picture"):
        decode(cut)


def test_a_picture_that_may_be_a_negative():
    with pytest.raises(UnreadableImage, match="which of its grey values are bright"):
        decode(dicom_bytes(RAMP, photometric=""))


def test_too_few_bytes_for_the_picture():
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        decode(dicom_bytes(RAMP, Rows=4 * HEIGHT))


def test_size_limits_come_before_decoding():
    with pytest.raises(ImageTooLarge, match="60000 x 60000"):
        decode(dicom_bytes(RAMP, Rows=60_000, Columns=60_000))
    with pytest.raises(ImageTooSmall):
        decode(dicom_bytes(RAMP, Rows=20))


def test_an_unknown_compression_is_named():
    with pytest.raises(UnsupportedFormat, match="MPEG2"):
        decode(
            dicom_bytes(RAMP, syntax=ExplicitVRLittleEndian).replace(
                b"UI\x14\x001.2.840.10008.1.2.1\x00", b"UI\x18\x001.2.840.10008.1.2.4.100\x00"
            )
        )


def test_deflated_files_are_not_unpacked():
    data = dicom_bytes(RAMP, syntax=DeflatedExplicitVRLittleEndian)

    with pytest.raises(UnsupportedFormat, match="deflated"):
        decode(data)


def test_patient_data_is_in_no_message():
    data = dicom_bytes(RAMP, Rows=4 * HEIGHT)

    with pytest.raises(ModelError) as caught:
        decode(data)
    assert b"Secret" in data
    assert "Secret" not in str(caught.value)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_frames_that_the_file_does_not_name_are_left_alone(syntax):
    """They cost neither time nor memory, and the picture stays (H, W)."""
    whole = pydicom.dcmread(io.BytesIO(dicom_bytes(RAMP, syntax=syntax)))
    if syntax is RLELossless:
        frame = get_frame(whole.PixelData, 0, number_of_frames=1)
        whole.PixelData = encapsulate([frame] * 3)
    else:
        whole.PixelData *= 3
    file = io.BytesIO()
    whole.save_as(file)
    assert decode(file.getvalue()).pixels == pytest.approx(FULL, abs=1e-6)
