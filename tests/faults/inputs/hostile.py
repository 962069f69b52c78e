"""The catalogue of hostile uploads: what each holds, and the results it must get.

All are made here, in memory; the large ones are large only once they are unpacked.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What the service must say about one image."""

    filename: str
    status: str
    reason: str | None = None


@dataclass(frozen=True)
class Hostile:
    """One file to upload, and its rows: several when it is an archive."""

    filename: str
    content: bytes
    rows: tuple[Row, ...]


def refused(filename: str, content: bytes, reason: str) -> Hostile:
    return Hostile(filename, content, (Row(filename, "rejected", reason),))


def judged(filename: str, content: bytes) -> Hostile:
    """A file that is odd, and still a chest X-ray."""
    return Hostile(filename, content, (Row(filename, "done"),))


def archive(filename: str, content: bytes, *rows: tuple[str, str, str | None]) -> Hostile:
    """rows: (name in the archive, status, reason) of each."""
    return Hostile(
        filename, content, tuple(Row(f"{filename}/{name}", *result) for name, *result in rows)
    )
