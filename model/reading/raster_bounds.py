"""What a JPEG, PNG, WEBP or TIFF file may cost to decode, told from its header."""

from PIL import Image

from model.errors import UnreadableImage

# What decoders hold at once, in bytes a pixel. A file of 34 bytes can be a WEBP of 80 million.
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_OTHER_PIXEL_BYTES = 4
_WEBP_PIXEL_BYTES = 16  # two canvases, the frame, and Pillow's copy
_COEFFICIENT_BYTES = 2  # a progressive JPEG keeps them all, for each of its bands
_STRIP_ROWS_TAG, _TILE_SIZE_TAGS = 278, (322, 323)

# Each scan goes over the whole picture, and ten thousand fit into a small file. Encoders use ten.
_MAX_SCANS = 100
_START_OF_SCAN = b"\xff\xda"


def check_scans(jpeg: bytes) -> None:
    """Raise UnreadableImage for a JPEG that would keep the decoder busy for hours."""
    if jpeg.count(_START_OF_SCAN) > _MAX_SCANS:
        raise UnreadableImage(
            f"The JPEG file builds its picture in more than {_MAX_SCANS} steps. Export it again."
        )


def decoding_bytes(picture: Image.Image) -> int:
    """About how much memory it takes at most to load the picture, before its first copy."""
    pixels = picture.width * picture.height
    if picture.format == "WEBP":
        return pixels * _WEBP_PIXEL_BYTES
    each = _PIXEL_BYTES.get(picture.mode, _OTHER_PIXEL_BYTES)
    if picture.info.get("progressive"):
        each = max(each, len(picture.getbands()) * _COEFFICIENT_BYTES)
    return (pixels + (_block_pixels(picture) if picture.format == "TIFF" else 0)) * each


def _block_pixels(tiff: Image.Image) -> int:
    """Pixels of a strip or tile, which is unpacked as a whole; a tile may exceed the picture."""
    width, height = (int(tiff.tag_v2.get(tag, 0)) for tag in _TILE_SIZE_TAGS)
    rows = int(tiff.tag_v2.get(_STRIP_ROWS_TAG, tiff.height))
    return width * height or tiff.width * min(rows, tiff.height)
