"""Files of some megabytes that unpack to four gigabytes, for the decoders and the upload endpoint.

    python -m tests.faults.inputs.bombs

None may crash or hang a decoder, need more memory than one has, or leave bytes on the disk of the
server. Exit code 1 when one did.
"""

import logging
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence

import click

from tests.faults.inputs.crafted_images import png, tiff, with_chunk, zeros
from tests.faults.inputs.fuzz_decode import Decoder, Finding
from tests.faults.inputs.fuzz_requests import CONTENT_TYPES, Upload, multipart
from tests.faults.inputs.fuzz_upload import Server
from tests.support.formats import GREY

SIZE = 4_000_000_000
WIDTH, HEIGHT = 62_500, 64_000  # as many pixels
MEMBERS = 32  # each below the 128 MB that an image may have


@click.command()
def main() -> None:
    """Try the bombs."""
    logging.disable()
    with Decoder() as decoder:
        bad = sum(tried(name, decoder.finding, content) for name, content in pictures())
    with Server({}) as server:
        for name, content in archives():
            body = multipart([("files", "z.zip", content)])
            bad += tried(name, server.finding, Upload(body, CONTENT_TYPES[0]))
            if left := server.stored_bytes():
                click.echo(f"{name}: {left:,} bytes are left on the disk")
                bad += 1
    sys.exit(1 if bad else 0)


def tried(name: str, target: Callable[[object], Finding | None], example: object) -> bool:
    """Returns: whether something went wrong."""
    began = time.monotonic()
    finding = target(example)
    said = f"{finding.key}\n{finding.details}" if finding else "held"
    click.echo(f"{name}: {said} after {time.monotonic() - began:.1f} s")
    return finding is not None


def pictures() -> Iterator[tuple[str, bytes]]:
    yield "picture.png", png(WIDTH, HEIGHT, zeros(HEIGHT * (WIDTH + 1)))
    packed = zeros(SIZE)
    yield "one strip.tif", tiff(WIDTH, HEIGHT, packed, (273, 279), {278: HEIGHT})
    yield "text.png", with_chunk(GREY, b"zTXt", b"a\0\0" + packed)
    yield "profile.png", with_chunk(GREY, b"iCCP", b"a\0\0" + packed)


def archives() -> Iterator[tuple[str, bytes]]:
    whole = archive(["a.png"], SIZE)
    yield "one file.zip", whole
    yield f"{MEMBERS} files.zip", archive([f"{n:02}.png" for n in range(MEMBERS)], SIZE // MEMBERS)
    yield "zip in a zip.zip", stored("inner.zip", whole)


def archive(names: Sequence[str], size_bytes: int) -> bytes:
    """Each member holds so many zeros."""
    checksum = 0
    for _ in range(size_bytes // 1_000_000):
        checksum = zlib.crc32(bytes(1_000_000), checksum)
    # Without the header and the checksum of zlib it is what a zip archive holds.
    return assembled(names, 8, checksum, zeros(size_bytes)[2:-4], size_bytes)


def stored(name: str, content: bytes) -> bytes:
    return assembled([name], 0, zlib.crc32(content), content, len(content))


def assembled(
    names: Sequence[str], method: int, checksum: int, packed: bytes, size_bytes: int
) -> bytes:
    """A zip archive of members with the same content (APPNOTE 4.3)."""
    members, directory = bytearray(), bytearray()
    for name in map(str.encode, names):
        sizes = checksum, len(packed), size_bytes
        about = struct.pack("<5H3L2H", 20, 0, method, 0, 0x21, *sizes, len(name), 0)
        place = struct.pack("<3H2L", 0, 0, 0, 0, len(members))
        directory += b"PK\x01\x02\x14\x00" + about + place + name
        members += b"PK\x03\x04" + about + name + packed
    count = len(names)
    end = struct.pack("<4H2LH", 0, 0, count, count, len(directory), len(members), 0)
    return bytes(members + directory + b"PK\x05\x06" + end)


if __name__ == "__main__":
    main()
