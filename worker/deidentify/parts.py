"""What JPEG, PNG and WEBP files have in common: a limit on their parts, and their orientation."""

from PIL import Image

from model.reading.raster import ORIENTATION_TAG

UPRIGHT = 1
# Of a file; a large film has some ten thousand. More only cost time.
MAX_PARTS = 100_000


def exif(orientation: int) -> bytes:
    """EXIF that says nothing else, as a TIFF directory."""
    said = Image.Exif()
    said[ORIENTATION_TAG] = orientation
    return said.tobytes().removeprefix(b"Exif\0\0")


def one_more(parts: int) -> int:
    """Counts the parts of a file. Raises ValueError for too many."""
    if parts == MAX_PARTS:
        raise ValueError("too many parts")
    return parts + 1
