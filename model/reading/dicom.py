"""DICOM files to grey, through pydicom's own pixel, modality and window functions.

Only the elements that describe the picture and how the film was taken are read: nothing that names
a patient ever becomes an object here.
"""

import logging
import warnings
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.pixels import apply_modality_lut, pixel_array
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    UID_dictionary,
)
from pydicom.valuerep import STR_VR

from model.errors import LateralXray, NotAChestXray, UnreadableImage, UnsupportedFormat
from model.reading import dicom_bounds, jpeg
from model.reading.facts import (
    MAX_ACCESSION,
    MAX_PATIENT,
    MAX_VIEW,
    SPACING_AT_DETECTOR,
    SPACING_AT_PATIENT,
    FilmFacts,
    checked_day,
    checked_spacing,
    checked_text,
)
from model.reading.pixels import shrunk, stretched
from model.reading.window import blackened, window_in, windowed

# Whether an element's text obeys the standard to the letter is nothing the sender can change.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
for _library in ("pydicom", "pylibjpeg", "openjpeg"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
    logging.getLogger(_library).propagate = False

_PICTURE_TAGS = [
    "AccessionNumber", "AcquisitionDate", "BitsAllocated", "BitsStored", "BurnedInAnnotation",
    "Columns", "ContentDate",
    "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "FloatPixelData",
    "HighBit", "ImagerPixelSpacing", "Modality", "ModalityLUTSequence", "NumberOfFrames",
    "PatientID", "PhotometricInterpretation", "PixelAspectRatio", "PixelData",
    "PixelPaddingRangeLimit", "PixelPaddingValue", "PixelRepresentation", "PixelSpacing",
    "PlanarConfiguration",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "Rows", "SOPClassUID", "SamplesPerPixel",
    "StudyDate", "VOILUTFunction", "VOILUTSequence", "ViewPosition", "WindowCenter", "WindowWidth",
]  # fmt: skip
_PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
jpeg.register()
_DECODERS = {JPEGBaseline8Bit: "pillow"} | dict.fromkeys(jpeg.DECODER_DEPENDENCIES, jpeg.NAME)
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_META_LIMIT = 65_536  # bytes in which the file's transfer syntax must show

# Modalities that are not a plain radiograph (PS3.3 C.7.3.1.1.1); others may be and go to the gate.
_OTHER_MODALITIES = {
    "CT": "a CT slice",
    "MR": "an MR slice",
    "US": "an ultrasound image",
    "IVUS": "an ultrasound image",
    "PT": "a PET image",
    "NM": "a nuclear medicine image",
    "MG": "a mammogram",
    "BMD": "a bone density scan",
    "IO": "a dental X-ray",
    "PX": "a dental panorama",
    "ES": "an endoscopy picture",
    "OP": "a picture of an eye",
    "OPT": "a scan of an eye",
    "SM": "a microscopy picture",
    "GM": "a microscopy picture",
    "XC": "a photograph",
    "ECG": "an ECG",
    "SEG": "a segmentation",
    "DOC": "a document",
}
_LATERAL_VIEWS = ("LL", "RL", "LATERAL", "LAT", "LLD", "RLD")


@dataclass(frozen=True)
class DicomFile:
    """A parsed file that holds one grey picture; `pixels` decodes it."""

    dataset: pydicom.Dataset
    width: int
    height: int

    def pixels(self, at_least: int | None = None) -> np.ndarray:
        """(H, W) float32 0..1, bright = dense, reduced to no less than `at_least` a side.

        The file's window is applied when it has one that leaves a picture, else the full range.
        """
        return self._upright(windowed(self._values(at_least), self.dataset), at_least)

    def whole_range(self, at_least: int | None) -> tuple[np.ndarray, tuple[float, float]]:
        """As `pixels`, but with all grey values that the file holds.

        Returns: the pixels, and the part of 0..1 that the file's window shows. A lookup table is
        applied: what it leaves is the whole range.
        """
        if "VOILUTSequence" in self.dataset:
            return self.pixels(at_least), (0.0, 1.0)
        values = self._values(at_least)
        whole = stretched(values)
        low, high = window_in(values, whole, self.dataset)
        if self.dataset.PhotometricInterpretation == "MONOCHROME1":
            low, high = 1 - high, 1 - low
        return self._upright(whole, at_least), (low, high)

    @property
    def bits(self) -> int:
        return 16 if int(self.dataset.get("BitsStored") or 16) > 8 else 8

    @property
    def facts(self) -> FilmFacts:
        """What the file says about how the film was taken; what it says badly is left out."""
        dataset = self.dataset
        days = (dataset.get(name) for name in ("AcquisitionDate", "ContentDate", "StudyDate"))
        spacing, place = checked_spacing(dataset.get("PixelSpacing")), SPACING_AT_PATIENT
        at_detector = checked_spacing(dataset.get("ImagerPixelSpacing"))
        # The same number in both is the detector's, copied (PS3.3 10.7.1.3).
        if at_detector is not None and spacing in (None, at_detector):
            spacing, place = at_detector, SPACING_AT_DETECTOR
        view = str(dataset.get("ViewPosition") or "").strip().upper()
        return FilmFacts(
            view=view[:MAX_VIEW] if view.isprintable() and view else None,
            taken_on=next((day for day in map(checked_day, days) if day), None),
            spacing_mm=spacing,
            spacing_at=place if spacing else None,
            patient=checked_text(dataset.get("PatientID"), MAX_PATIENT),
            accession=checked_text(dataset.get("AccessionNumber"), MAX_ACCESSION),
            burned_in_text={"YES": True, "NO": False}.get(
                str(dataset.get("BurnedInAnnotation") or "").strip().upper()
            ),
        )

    def _values(self, at_least: int | None) -> np.ndarray:
        """(H, W) float32, what the detector measured; reduced where no lookup table follows."""
        dataset = self.dataset
        decoder = _DECODERS.get(dataset.file_meta.TransferSyntaxUID, "")
        # Without the index, whatever frames the pixel data hold beyond those the file names.
        stored = blackened(pixel_array(dataset, index=0, decoding_plugin=decoder), dataset)
        # Lookup tables take the stored integers.
        if not _has_lookup_table(dataset):
            stored = shrunk(stored, at_least)
        return apply_modality_lut(stored, dataset).astype(np.float32)

    def _upright(self, picture: np.ndarray, at_least: int | None) -> np.ndarray:
        """0..1 with bright = dense, reduced unless it was before."""
        if self.dataset.PhotometricInterpretation == "MONOCHROME1":
            picture = 1 - picture
        if picture.shape == (self.height, self.width):
            picture = shrunk(picture, at_least)
        # Averages of ones may come out a rounding error above one.
        return np.minimum(picture, 1)

    def decoding_bytes(self) -> int:
        """About how much memory `pixels` takes at most."""
        return dicom_bounds.decoding_bytes(self.dataset, _has_lookup_table(self.dataset))


def open_dicom(data: bytes, any_subject: bool = False) -> DicomFile:
    """Parse a DICOM file, with or without preamble, and refuse what cannot be a chest X-ray.

    any_subject: whatever its modality and view say that it shows.

    Raises UnreadableImage (no picture in it), UnsupportedFormat (several frames, colour, an
    unknown transfer syntax), NotAChestXray (its modality or view says so).
    """
    if _DEFLATED in data[:_META_LIMIT]:
        # It unpacks without bound, and no scanner stores images so.
        raise UnsupportedFormat(
            "The DICOM file is stored deflated. Export it uncompressed or as JPEG 2000."
        )
    file = dicom_bounds.BoundedReader(data)
    dataset = pydicom.dcmread(file, force=True, specific_tags=_PICTURE_TAGS)
    dicom_bounds.check_values(dataset)
    _forget_empty(dataset)
    if not any_subject:
        _check_what_it_shows(dataset)
    _check_has_picture(dataset)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        )
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dicom_bounds.check_compressed(dataset)
    return DicomFile(dataset, int(dataset.Columns), int(dataset.Rows))


def _forget_empty(dataset: pydicom.Dataset) -> None:
    """Take out elements without a value: anonymisers leave them, and they say as little as none."""
    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        value = element.value
        if isinstance(value, bytes) and dictionary_VR(tag) in STR_VR:
            value = value.strip(b" \0")
        if value is None or len(value) == 0:
            del dataset[tag]


def _check_what_it_shows(dataset: pydicom.Dataset) -> None:
    what = _OTHER_MODALITIES.get(str(dataset.get("Modality", "")).strip().upper())
    if what:
        raise NotAChestXray(
            f"The DICOM file says that it is {what}. Send a frontal chest X-ray (CR, DX or RG)."
        )
    if str(dataset.get("ViewPosition", "")).strip().upper() in _LATERAL_VIEWS:
        raise LateralXray(
            "The DICOM file says that it is a lateral view. Send the frontal view (PA or AP)."
        )


def _check_has_picture(dataset: pydicom.Dataset) -> None:
    keys = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    if not any(key in dataset for key in keys) or not dataset.get("Rows"):
        raise UnreadableImage(
            "The DICOM file holds no picture: it is a report, a directory, or was cut off on its "
            "way. Export the X-ray itself and send it again."
        )
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise UnsupportedFormat(f"The DICOM file holds {frames} frames. Send one X-ray a file.")
    colours = str(dataset.get("PhotometricInterpretation", ""))
    if not colours:
        # A guess could turn the film to its negative.
        raise UnreadableImage(
            "The DICOM file does not say which of its grey values are bright (it has no "
            "Photometric Interpretation). Export it again."
        )
    if int(dataset.get("SamplesPerPixel", 1)) != 1 or not colours.startswith("MONOCHROME"):
        raise UnsupportedFormat(
            "The DICOM file holds a colour picture. Send the grey X-ray (MONOCHROME1 or 2)."
        )
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian))
    if syntax not in _PLAIN and not _decodable(syntax):
        # A private syntax has no name but what the file says.
        name = syntax.name if syntax in UID_dictionary else "unknown here"
        raise UnsupportedFormat(
            f"The DICOM file is compressed in a way that is not read here ({name}). "
            "Export it uncompressed or as JPEG 2000."
        )


def _decodable(syntax: UID) -> bool:
    try:
        return pydicom.pixels.get_decoder(syntax).is_available
    except NotImplementedError:
        return False


def _has_lookup_table(dataset: pydicom.Dataset) -> bool:
    return "VOILUTSequence" in dataset or "ModalityLUTSequence" in dataset
