"""The same picture in every format that is accepted."""

import numpy as np
from PIL import Image

from tests.support.pictures import HEIGHT, WIDTH, dicom_bytes, encoded, ramp

GREY = Image.fromarray(ramp())


def with_alpha(mode: str, opaque: bool) -> Image.Image:
    picture = GREY.convert(mode)
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    if not opaque:
        alpha[:, WIDTH // 2 :] = 0
    picture.putalpha(Image.fromarray(alpha))
    return picture


PICTURES = {
    "grey PNG": encoded(GREY),
    "RGB PNG": encoded(GREY.convert("RGB")),
    "RGBA PNG": encoded(with_alpha("RGBA", opaque=True)),
    "LA PNG": encoded(with_alpha("LA", opaque=True)),
    "palette PNG": encoded(GREY.convert("P")),
    "16-bit PNG": encoded(Image.fromarray(ramp(65536, np.uint16))),
    "12 bits in a 16-bit PNG": encoded(Image.fromarray(ramp(4096, np.uint16))),
    "grey JPEG": encoded(GREY, "JPEG", quality=95),
    "RGB JPEG": encoded(GREY.convert("RGB"), "JPEG", quality=95),
    "stored as RGB in a JPEG": encoded(GREY.convert("RGB"), "JPEG", quality=95, keep_rgb=True),
    "CMYK JPEG": encoded(GREY.convert("CMYK"), "JPEG", quality=95),
    "progressive JPEG": encoded(GREY, "JPEG", quality=95, progressive=True),
    "two in one JPEG": encoded(GREY, "MPO", save_all=True, append_images=[GREY], quality=95),
    "lossless WEBP": encoded(GREY.convert("RGB"), "WEBP", lossless=True),
    "lossy WEBP": encoded(GREY.convert("RGB"), "WEBP", quality=95),
    "grey TIFF": encoded(GREY, "TIFF"),
    "LZW TIFF": encoded(GREY, "TIFF", compression="tiff_lzw"),
    "16-bit TIFF": encoded(Image.fromarray(ramp(65536, np.uint16)), "TIFF"),
    "float TIFF": encoded(Image.fromarray(ramp(256, np.float32) * 10 - 500), "TIFF"),
    "32-bit TIFF": encoded(Image.fromarray(ramp(4096, np.int32)), "TIFF"),
    "DICOM": dicom_bytes(ramp()),
}
