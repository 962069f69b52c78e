"""Encrypted files: AES-256-GCM in chunks, so that a file can be written and read as a stream.

A sealed file begins with a header: what it is, which key of the setting sealed it, and a salt. The
file's own key is made from that key, the salt and the file's name (HKDF-SHA256), so that a file
cannot pass for another one. Each chunk is encrypted and authenticated by itself; its nonce is its
number and whether it is the last one (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015), so
that chunks cannot be exchanged, left out or cut off. What is changed is not read at all.
"""

import hashlib
import hmac
import io
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from worker.errors import FileDamaged, FileLocked

MAGIC = b"CXRSEAL\x01"
ID_BYTES, SALT_BYTES, TAG_BYTES = 8, 32, 16
HEADER_BYTES = len(MAGIC) + ID_BYTES + SALT_BYTES
CHUNK_BYTES = 64 * 1024  # of the content
_SEALED_BYTES = CHUNK_BYTES + TAG_BYTES


@dataclass(frozen=True)
class FileKey:
    """What opens and makes one sealed file, and no other. header: HEADER_BYTES. key: 32 bytes."""

    header: bytes
    key: bytes

    def as_json(self) -> list[str]:
        return [self.header.hex(), self.key.hex()]

    @classmethod
    def from_json(cls, said: list[str]) -> Self:
        return cls(*map(bytes.fromhex, said))


class FileKeys:
    """The keys of the setting: the first one seals, each opens its files. Shared by threads."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = {_id(key): key.encode() for key in keys}

    @property
    def ids(self) -> list[str]:
        """Names of the keys, 16 hexadecimal digits each; they tell nothing of the keys."""
        return [id_.hex() for id_ in self._keys]

    def new(self, name: str) -> FileKey | None:
        """For a file that is to be written under that name; None when files are not sealed."""
        first = next(iter(self._keys), None)
        if first is None:
            return None
        return self._file_key(MAGIC + first + secrets.token_bytes(SALT_BYTES), name)

    def of(self, content: bytes, name: str) -> FileKey:
        """For a sealed file with that content, or that beginning. Raises FileLocked."""
        return self._file_key(content[:HEADER_BYTES], name)

    def _file_key(self, header: bytes, name: str) -> FileKey:
        id_ = header[len(MAGIC) : len(MAGIC) + ID_BYTES]
        if id_ not in self._keys:
            raise locked(id_.hex())
        hkdf = HKDF(SHA256(), 32, header[-SALT_BYTES:], b"cxr-batch file " + name.encode())
        return FileKey(header, hkdf.derive(self._keys[id_]))


def locked(id_: str) -> FileLocked:
    return FileLocked(
        f"Stored files are encrypted with the key {id_}, which CXR_FILES_KEY does not hold. Set it "
        "to the key that it was, or add that key after a comma."
    )


def is_sealed(content: bytes) -> bool:
    """Whether a file with that content, or that beginning, is a sealed one."""
    return len(content) >= HEADER_BYTES and content.startswith(MAGIC)


def key_id(content: bytes) -> str | None:
    """The name of the key, as in `FileKeys.ids`, of a file with that content, or that beginning;
    None when it is not a sealed one."""
    return content[len(MAGIC) : len(MAGIC) + ID_BYTES].hex() if is_sealed(content) else None


def sealed(content: bytes, key: FileKey) -> bytes:
    """The whole sealed file."""
    written = io.BytesIO()
    file = SealedFile(written, key, new=True)
    file.write(content)
    file.finish()
    return written.getvalue()


def unsealed(content: bytes, key: FileKey) -> bytes:
    """What `sealed` was given. Raises FileDamaged."""
    return SealedFile(io.BytesIO(content), key, new=False).readall()


class SealedFile(io.RawIOBase):
    """A sealed file as a raw stream of its content.

    A new one is written from its beginning to its end; from the first time that it is read, or
    moved in, it takes nothing more. Raises FileDamaged where it was changed.
    """

    def __init__(self, file: io.RawIOBase | io.BytesIO, key: FileKey, new: bool) -> None:
        self._file = file
        self._header = key.header
        self._cipher = AESGCM(key.key)
        self._at = 0
        self._writing = new
        self._unwritten = bytearray()
        self._size = 0
        self._chunks = 0  # all of them, or those that are written
        self._open: tuple[int, bytes] = (-1, b"")
        if not new:
            self._measure()

    def fileno(self) -> int:
        return self._file.fileno()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data) -> int:
        if not self._writing:
            raise ValueError("A sealed file takes nothing more once it was read.")
        view, at = memoryview(data).cast("B"), 0
        # One chunk stays: only its end tells whether it is the last one.
        while len(self._unwritten) + len(view) - at > CHUNK_BYTES:
            more = CHUNK_BYTES - len(self._unwritten)
            part = view[at : at + more]
            chunk = bytes(self._unwritten) + part if self._unwritten else part
            self._put(self._encrypted(chunk, last=False))
            self._unwritten.clear()
            at += more
        self._unwritten += view[at:]
        self._at += len(view)
        return len(view)

    def finish(self) -> None:
        """Write the last chunk of a new file."""
        if self._writing:
            self._put(self._encrypted(bytes(self._unwritten), last=True))
            self._unwritten.clear()
            self._writing = False
            self._size = self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if self._writing and (offset, whence) in ((0, io.SEEK_CUR), (self._at, io.SEEK_SET)):
            return self._at
        self.finish()
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer) -> int:
        part = self._read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self._read(CHUNK_BYTES), b""))

    def _read(self, size: int) -> bytes:
        """Up to `size` bytes, of one chunk."""
        self.finish()
        number, start = divmod(self._at, CHUNK_BYTES)
        part = self._chunk(number)[start : start + size] if number < self._chunks else b""
        self._at += len(part)
        return part

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _measure(self) -> None:
        size = self._file.seek(0, io.SEEK_END) - HEADER_BYTES
        self._chunks = max(1, -(-size // _SEALED_BYTES))
        # An empty last chunk is that of an empty file: nobody gets to the end of another one
        # without its last chunk.
        if size - (self._chunks - 1) * _SEALED_BYTES < TAG_BYTES + (self._chunks > 1):
            raise _damaged()
        self._size = size - self._chunks * TAG_BYTES

    def _chunk(self, number: int) -> bytes:
        if self._open[0] != number:
            self._file.seek(HEADER_BYTES + number * _SEALED_BYTES)
            content = self._file.read(_SEALED_BYTES)
            try:
                nonce = _nonce(number, number == self._chunks - 1)
                self._open = (number, self._cipher.decrypt(nonce, content, self._header))
            except InvalidTag:
                raise _damaged() from None
        return self._open[1]

    def _encrypted(self, content: bytes | memoryview, last: bool) -> bytes:
        chunk = self._cipher.encrypt(_nonce(self._chunks, last), content, self._header)
        self._chunks += 1
        return chunk if self._chunks > 1 else self._header + chunk

    def _put(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[self._file.write(view) :]


def _id(key: str) -> bytes:
    return hmac.new(key.encode(), b"cxr-batch key id", hashlib.sha256).digest()[:ID_BYTES]


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _damaged() -> FileDamaged:
    return FileDamaged(
        "A stored file was changed or cut off on the disk, so it is not read. Restore it from a "
        "backup, or upload it again."
    )
