"""Hostile zip archives. Many hold a good chest too, which must be judged whatever lies beside it.

The system under test takes 16 MB an image and 64 MB an upload: SMALL_LIMITS.
"""

import io
import random
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator

from tests.faults.inputs.hostile import Hostile, archive, refused

SMALL_LIMITS = {"CXR_MAX_IMAGE_MB": "16", "CXR_MAX_UPLOAD_MB": "64"}
MEGABYTE = 1_000_000

DONE = ("done", None)
BROKEN = ("rejected", "unreadable")
FOREIGN = ("rejected", "unsupported_format")
DENSE = ("rejected", "packed_too_densely")
GOOD = ("good.png", *DONE)


def archives(chest: bytes) -> Iterator[list[Hostile]]:
    """The whole catalogue of this module, as jobs: what is large when unpacked comes alone.

    chest: a PNG of a chest.
    """
    yield [*damaged(chest), *locked(chest), *paths(chest)]
    for entry in (*bombs(chest), *lies(chest)):
        yield [entry]


def damaged(chest: bytes) -> Iterator[Hostile]:
    whole = packed({"good.png": chest})
    yield refused("half.zip", whole[: len(whole) // 2], "unreadable")
    yield refused("start.zip", whole[:4], "unreadable")
    yield refused("noise.zip", b"PK\x03\x04" + bytes(range(256)) * 20, "unreadable")
    yield refused("empty.zip", packed({}), "unreadable")
    yield refused("only-hidden.zip", packed({".DS_Store": b"x", "__MACOSX/a": b"x"}), "unreadable")
    hurt = bytearray(packed({"hurt.png": chest, "good.png": chest}, zipfile.ZIP_STORED))
    hurt[500] ^= 0xFF
    yield archive("hurt-member.zip", bytes(hurt), ("hurt.png", *BROKEN), GOOD)
    no_local = bytearray(packed({"lost.png": chest, "good.png": chest}))
    no_local[:4] = b"PK\x03\x05"
    # Without the signature at its start it is not a zip for whoever looks at the first bytes.
    yield refused("no-start.zip", bytes(no_local), "unsupported_format")
    yield refused("program-and-zip.zip", b"MZ" + bytes(100) + whole, "unsupported_format")


def bombs(chest: bytes) -> Iterator[Hostile]:
    some = random.Random(0).randbytes(MEGABYTE // 5).ljust(15 * MEGABYTE, b"\0")
    zeros = {f"{number}.png": some for number in range(6)}
    rows = [(f"{number}.png", *FOREIGN) for number in range(4)]
    rows += [(f"{number}.png", "rejected", "archive_too_large") for number in (4, 5)]
    yield archive("bomb.zip", packed(zeros | {"good.png": chest}), *rows, GOOD)
    dense = packed({"zeros.png": bytes(15 * MEGABYTE), "good.png": chest})
    yield archive("dense.zip", dense, ("zeros.png", *DENSE), GOOD)
    large = {"large.png": bytes(17 * MEGABYTE), "good.png": chest}
    yield archive("large-member.zip", packed(large), ("large.png", "rejected", "too_large"), GOOD)
    inner = packed({"a.zip": packed({"b.zip": packed(zeros)})})
    nested = {"inner.zip": inner, "report.docx": packed({"word.xml": b"<x/>"}), "good.png": chest}
    deep = ("rejected", "nested_archive")
    yield archive("nested.zip", packed(nested), ("inner.zip", *deep), ("report.docx", *deep), GOOD)
    for name, method in (("bzip2", zipfile.ZIP_BZIP2), ("lzma", zipfile.ZIP_LZMA)):
        content = packed({"dense.png": chest}, method)
        yield archive(f"bomb-{name}.zip", content, ("dense.png", *BROKEN))


def locked(chest: bytes) -> Iterator[Hostile]:
    no = ("rejected", "encrypted")
    some = changed(packed({"locked.png": chest, "good.png": chest}), flags=1)
    yield archive("some-locked.zip", some, ("locked.png", *no), GOOD)
    aes = changed(packed({"aes.png": chest}), flags=1, method=99)
    yield archive("aes.zip", aes, ("aes.png", *no))


def paths(chest: bytes) -> Iterator[Hostile]:
    """Names that would leave the folder, hide, or fill the page."""
    for name, path, shown in (
        ("up", "../../../../tmp/evil.png", "tmp/evil.png"),
        ("up-windows", "..\\..\\evil.png", "evil.png"),
        ("absolute", "/etc/cron.d/evil.png", "etc/cron.d/evil.png"),
        ("drive", "C:\\windows\\evil.png", "C:/windows/evil.png"),
        ("newline", "a\nb\r.png", "a\ufffdb\ufffd.png"),
        ("page", "<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
    ):
        yield archive(f"{name}.zip", packed({path: chest}), (shown, *DONE))
    for name, path, shown in (
        ("long", "x" * 60_000 + ".png", "x" * (999 - len("long.zip/"))),
        ("deep", "a/" * 5_000 + "b.png", "a/" * 495),
    ):
        too_long = (f"{shown}\u2026", "rejected", "name_too_long")
        yield archive(f"{name}.zip", packed({path: chest}), too_long)
    yield archive("no-name.zip", renamed(chest, b"\x00" * 8), ("unnamed", *DONE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        twice = packed([("same.png", chest), ("same.png", b"text"), ("same.png", chest)])
    same = [("same.png", *DONE), ("same.png", *FOREIGN), ("same.png", *DONE)]
    yield archive("duplicates.zip", twice, *same)
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    symlinks = packed([(link, b"/etc/passwd"), ("good.png", chest)])
    yield archive("symlink.zip", symlinks, ("link.png", *FOREIGN), GOOD)


def lies(chest: bytes) -> Iterator[Hostile]:
    """Archives whose headers contradict what is in them."""
    more = changed(packed({"liar.png": bytes(MEGABYTE), "good.png": chest}), size=10)
    yield archive("larger-than-said.zip", more, ("liar.png", *BROKEN), GOOD)
    less = changed(packed({"liar.png": b"x", "good.png": chest}), size=15 * MEGABYTE)
    yield archive("smaller-than-said.zip", less, ("liar.png", *DENSE), GOOD)
    odd = changed(packed({"odd.png": chest, "good.png": chest}), method=97)
    yield archive("unknown-method.zip", odd, ("odd.png", *BROKEN), GOOD)
    far = changed(packed({"far.png": chest, "good.png": chest}), offset=2**31)
    yield archive("member-far-away.zip", far, ("far.png", *BROKEN), GOOD)
    huge = with_64_bit_size(packed({"huge.png": chest}), 2**64 - 1)
    yield archive("size-over-63-bits.zip", huge, ("huge.png", "rejected", "too_large"))
    for name, directory_bytes, at in (("far", 50, 2**64 - 1), ("long", 2**62, 0)):
        content = with_64_bit_end(packed({"good.png": chest}), directory_bytes, at)
        yield refused(f"directory-{name}.zip", content, "unreadable")


def packed(members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive of {name: content}, or of pairs of them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in members.items() if isinstance(members, dict) else members:
            opened.writestr(name, content)
    return file.getvalue()


def crowd(members: int, content: bytes) -> bytes:
    """Very many members, written by hand: `zipfile` would take seconds."""
    crc, size = zlib.crc32(content), len(content)
    locals_, central = [], []
    for number in range(members):
        name = b"%09d.png" % number
        fields = struct.pack("<5H3L2H", 20, 0, 0, 0, 33, crc, size, size, len(name), 0)
        at = number * (30 + len(name) + size)
        locals_ += [b"PK\x03\x04", fields, name, content]
        central += [b"PK\x01\x02\x14\x00", fields, struct.pack("<3H2L", 0, 0, 0, 0, at), name]
    files, directory = b"".join(locals_), b"".join(central)
    count = min(members, 0xFFFF)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(files), 0)
    return files + directory + end


def changed(
    content: bytes,
    *,
    flags: int | None = None,
    method: int | None = None,
    size: int | None = None,
    offset: int | None = None,
) -> bytes:
    """The archive with other fields in the headers of its first member (APPNOTE.TXT, 4.3.7)."""
    changed = bytearray(content)
    directory = content.index(b"PK\x01\x02")
    for value, kind, local, central in (
        (flags, "<H", 6, 8),
        (method, "<H", 8, 10),
        (size, "<L", 22, 24),
        (offset, "<L", None, 42),
    ):
        if value is None:
            continue
        struct.pack_into(kind, changed, directory + central, value)
        if local is not None:
            struct.pack_into(kind, changed, local, value)
    return bytes(changed)


def renamed(content: bytes, name: bytes) -> bytes:
    """An archive of one member with a name that no packer would write."""
    place = b"n" * len(name)
    return packed({place.decode(): content}).replace(place, name)


def with_64_bit_size(content: bytes, size: int) -> bytes:
    """The archive with a 64-bit extra field in its directory, which gives the member's size."""
    extra = struct.pack("<HHQ", 1, 8, size)
    directory = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    header = bytearray(content[directory:end])
    struct.pack_into("<L", header, 24, 0xFFFFFFFF)
    struct.pack_into("<H", header, 30, len(extra))
    tail = bytearray(content[end:])
    struct.pack_into("<L", tail, 12, len(header) + len(extra))
    return content[:directory] + bytes(header) + extra + bytes(tail)


def with_64_bit_end(content: bytes, directory_bytes: int, directory_at: int) -> bytes:
    """The archive with a second, 64-bit end that tells another story than the first."""
    end = content.index(b"PK\x05\x06")
    story = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, directory_bytes, directory_at
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return content[:end] + story + locator + content[end:]
