"""Hostile JPEG, PNG, WEBP and TIFF files, and what only pretends to be one."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.faults.inputs.crafted_images import (
    deep,
    many_scans,
    noise,
    png,
    tiff,
    webp,
    with_chunk,
    with_jpeg_size,
    with_next_page,
    zeros,
)
from tests.faults.inputs.hostile import Hostile, judged, refused
from tests.support.pictures import encoded

KINDS = ("JPEG", "PNG", "WEBP", "TIFF")


def images(chest: Image.Image) -> Iterator[Hostile]:
    """The whole catalogue of this module; `chest` is grey, 8 bits."""
    yield from damaged(chest)
    yield from bombs(chest)
    yield from odd_sizes(chest)
    yield from odd_kinds(chest)
    yield from odd_numbers(chest)
    yield from impostors(chest)


def damaged(chest: Image.Image) -> Iterator[Hostile]:
    for kind in KINDS:
        whole = encoded(chest, kind)
        half = len(whole) // 2
        yield refused(f"half.{kind}", whole[:half], "unreadable")
        yield refused(f"almost.{kind}", whole[: len(whole) * 9 // 10], "unreadable")
        yield refused(f"start.{kind}", whole[:16], "unreadable")
        yield refused(f"header.{kind}", whole[:12] + bytes(200) + whole[212:], "unreadable")
        yield refused(f"noise.{kind}", whole[:12] + noise(half), "unreadable")
    for kind in ("PNG", "WEBP", "TIFF"):  # a JPEG decoder goes on after damage
        whole = encoded(chest, kind, **({"compression": "tiff_lzw"} if kind == "TIFF" else {}))
        third = len(whole) // 3
        body = whole[:third] + bytes([255]) * third + whole[2 * third :]
        yield refused(f"middle.{kind}", body, "unreadable")


def bombs(chest: Image.Image) -> Iterator[Hostile]:
    yield refused("bomb-100000.png", png(100_000, 100_000, b""), "too_large")
    yield refused("bomb-30000.png", png(30_000, 30_000, zeros(1_000), depth=1), "too_large")
    large = encoded(Image.new("1", (30_000, 30_000)), "TIFF", compression="group4")
    yield refused("bomb-30000.tif", large, "too_large")
    yield refused("bomb-30000.jpg", with_jpeg_size(encoded(chest, "JPEG"), 30_000), "too_large")
    yield refused("bomb-16383.webp", webp(16_383, 16_383), "too_large")
    yield refused("bomb-80-million.webp", webp(10_000, 7_990), "too_large")
    yield refused("bomb-strip.png", png(64, 1_240_000, zeros(1_000)), "too_large")
    yield refused("bomb-rgba.png", png(10_000, 7_990, zeros(40_001 * 7_990), colour=6), "blank")
    yield refused(
        "bomb-text.png", with_chunk(chest, b"zTXt", b"a\0\0" + zeros(90_000_000)), "unreadable"
    )
    yield refused(
        "bomb-profile.png", with_chunk(chest, b"iCCP", b"a\0\0" + zeros(90_000_000)), "unreadable"
    )
    yield refused("bomb-scans.jpg", many_scans(chest, 20_000), "unreadable")
    four = encoded(chest.convert("CMYK"), "JPEG", progressive=True)
    yield refused("bomb-coefficients.jpg", with_jpeg_size(four, 7_100), "too_large")
    tile = tiff(512, 512, zeros(1_000), (324, 325), {322: 30_000, 323: 30_000})
    yield refused("bomb-tile.tif", tile, "too_large")
    floats = {258: 32, 339: 3, 278: 7_990}
    strip = tiff(10_000, 7_990, zeros(1_000), (273, 279), floats)
    yield refused("bomb-one-strip.tif", strip, "too_large")
    yield judged("endless-pages.tif", with_next_page(chest))


def odd_sizes(chest: Image.Image) -> Iterator[Hostile]:
    for kind in KINDS:
        yield refused(f"1x1.{kind}", encoded(chest.resize((1, 1)), kind), "too_small")
        yield refused(f"12000x1.{kind}", encoded(chest.resize((12_000, 1)), kind), "too_small")
    yield refused("0x0.png", png(0, 0, b""), "unreadable")
    yield refused("strip.png", encoded(chest.resize((200, 4_000))), "not_a_chest_xray")


def odd_kinds(chest: Image.Image) -> Iterator[Hostile]:
    """Channels and palettes that a clinic may well send, and moving pictures, which it may not."""
    yield judged("16-bit.png", encoded(deep(chest, np.uint16, 257)))
    yield judged("12-of-16-bit.png", encoded(deep(chest, np.uint16, 16)))
    yield judged("16-bit.tif", encoded(deep(chest, np.uint16, 257), "TIFF"))
    yield judged("32-bit.tif", encoded(deep(chest, np.int32, 70_000), "TIFF"))
    yield judged("float.tif", encoded(deep(chest, np.float32, 0.01), "TIFF"))
    yield judged("palette.png", encoded(chest.convert("P")))
    yield judged("cmyk.jpg", encoded(chest.convert("CMYK"), "JPEG"))
    yield judged("cmyk.tif", encoded(chest.convert("CMYK"), "TIFF"))
    yield judged("alpha.png", encoded(chest.convert("LA")))
    yield judged("alpha.webp", encoded(chest.convert("RGBA"), "WEBP"))
    more = {"save_all": True, "append_images": [chest.point(lambda level: 255 - level)] * 3}
    for name, kind in (("png", "PNG"), ("webp", "WEBP"), ("tif", "TIFF"), ("gif", "GIF")):
        yield refused(f"animated.{name}", encoded(chest, kind, **more), "unsupported_format")


def odd_numbers(chest: Image.Image) -> Iterator[Hostile]:
    values = np.asarray(chest, np.float32)
    for name, worst in (("nan", np.nan), ("inf", np.inf), ("minus-inf", -np.inf)):
        spoilt = values.copy()
        spoilt[:20, :20] = worst
        yield judged(f"some-{name}.tif", encoded(Image.fromarray(spoilt), "TIFF"))
        everywhere = Image.fromarray(np.full_like(values, worst))
        yield refused(f"only-{name}.tif", encoded(everywhere, "TIFF"), "unreadable")
    widest = (values / 127.5 - 1) * np.float32(3.4e38)
    yield judged("widest.tif", encoded(Image.fromarray(widest), "TIFF"))
    yield judged("tiniest.tif", encoded(Image.fromarray(values * np.float32(1e-43)), "TIFF"))


def impostors(chest: Image.Image) -> Iterator[Hostile]:
    whole = encoded(chest)
    yield refused("empty.png", b"", "unreadable")
    yield refused("one-byte.png", b"\x89", "unsupported_format")
    yield refused("zeros.png", bytes(100_000), "unsupported_format")
    yield refused("text.png", b"Dear colleague,", "unsupported_format")
    yield refused("page.png", b"<!doctype html><script>alert(1)</script>", "unsupported_format")
    yield refused("drawing.svg", b"<svg onload='alert(1)'/>", "unsupported_format")
    yield refused("program.png", b"\x7fELF" + bytes(300), "unsupported_format")
    yield refused("report.pdf", b"%PDF-1.7\n", "unsupported_format")
    yield refused(
        "gif-and-script.gif", b"GIF89a/*" + bytes(60) + b"*/=alert(1)", "unsupported_format"
    )
    for name in ("chest.exe", "chest.html", "chest.dcm", "chest.zip", "chest"):
        yield judged(name, whole)
    yield judged("png-and-zip.png", whole + b"PK\x05\x06" + bytes(18))
    yield judged("jpeg-and-page.jpg", encoded(chest, "JPEG") + b"<script>alert(1)</script>")
    comment = b"%PDF-1.7 <script>alert(1)</script>"
    yield judged("pdf-in-jpeg.pdf", encoded(chest, "JPEG", comment=comment))
    yield refused("png-in-name-only.png", whole[:8] + b"<script>alert(1)</script>", "unreadable")
