"""What a file is, told from its first bytes; its name is never asked."""

import struct

from model.errors import UnreadableImage, UnsupportedFormat

ACCEPTED = "JPEG, PNG, WEBP, TIFF or DICOM"

# Named in the message, so that the sender sees at once what went wrong.
_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive (or an Office document)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"\x00\x00\x00\x0cjP  ", "a bare JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a bare JPEG 2000 picture"),
    (b"8BPS", "a Photoshop document"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "a database"),
)
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_VALUE_REPRESENTATIONS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR "
    b"US UT UV".split()
)
_TEXT_SAMPLE = 512


def sniff(data: bytes) -> str:
    """The format of a file: "JPEG", "PNG", "WEBP", "TIFF" or "DICOM".

    Raises UnreadableImage for an empty file, UnsupportedFormat for anything else.
    """
    if not data:
        raise UnreadableImage("The file is empty (0 bytes). Send the image again.")
    # First, since the 128 bytes before DICM are free: some scanners put a TIFF header there.
    if data[128:132] == b"DICM" or _is_dicom_without_preamble(data):
        return "DICOM"
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:4] in _TIFF:
        return "TIFF"
    raise UnsupportedFormat(f"The file is {_foreign(data)}. Send it as {ACCEPTED}.")


def _is_dicom_without_preamble(data: bytes) -> bool:
    """Old archives write DICOM without preamble: the first element is of group 2 or 8."""
    if len(data) < 16:
        return False
    group, element, length = struct.unpack("<HHI", data[:8])
    if group not in (0x0002, 0x0008) or element > 0x0100:
        return False
    return data[4:6] in _VALUE_REPRESENTATIONS or length <= 256


def _foreign(data: bytes) -> str:
    for signature, name in _FOREIGN:
        if data.startswith(signature):
            return name
    if data[4:8] == b"ftyp":
        return "a HEIC/AVIF picture or a video"
    sample = data[:_TEXT_SAMPLE].lstrip(b"\xef\xbb\xbf \t\r\n")
    if sample[:1] == b"<":
        return "a web page, an SVG drawing or another XML document"
    # Control characters other than tab and line ends do not occur in text.
    if not any(byte < 9 or 13 < byte < 32 for byte in sample):
        return "a text file"
    return "of a kind that is not known here"
