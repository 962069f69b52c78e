"""Kinds of JPEG that occur in DICOM files only: 12 bits, lossless, and JPEG-LS.

A decoding plugin for pydicom around libjpeg-turbo and CharLS, from the `imagecodecs` package.
"""

from imagecodecs import jpeg8_decode, jpegls_decode
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import (
    UID,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

NAME = "imagecodecs"
# pydicom reads this when a plugin is added; ours has what it needs.
_JPEG = (JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)
_JPEG_LS = (JPEGLSLossless, JPEGLSNearLossless)
DECODER_DEPENDENCIES = dict.fromkeys(_JPEG + _JPEG_LS, (NAME,))
_END, _PADDING = b"\xff\xd9", b"\x00\xff"


def is_available(uid: UID) -> bool:
    """Whether this plugin decodes that transfer syntax."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(frame: bytes, runner: DecodeRunner) -> bytes:
    """One frame: (H, W), in as many bits as it says. Raises ValueError for one that was cut off."""
    if not frame.rstrip(_PADDING).endswith(_END):
        # libjpeg-turbo would fill the rest with grey, and CharLS takes seconds to find that out.
        raise ValueError("The JPEG frame has no end.")
    decode = jpegls_decode if runner.transfer_syntax in _JPEG_LS else jpeg8_decode
    picture = decode(frame)
    runner.set_option("bits_allocated", 8 * picture.itemsize)
    return picture.tobytes()


def register() -> None:
    """Let pydicom use this plugin."""
    for uid in DECODER_DEPENDENCIES:
        decoder = get_decoder(uid)
        if NAME not in decoder.available_plugins:
            decoder.add_plugin(NAME, (__name__, decode_frame.__name__))
