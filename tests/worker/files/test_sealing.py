"""Encrypted files: what is written comes back, and nothing else does."""

import io
import secrets

import pytest

from worker.errors import FileDamaged, FileLocked
from worker.files.image_files import ImageFiles
from worker.files.sealing import (
    CHUNK_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    FileKey,
    FileKeys,
    SealedFile,
    is_sealed,
    sealed,
    unsealed,
)
from worker.settings import Settings

OLD, NEW = "o" * 40, "n" * 40
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
SIZES = [0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 1_500_000]


@pytest.fixture
def key() -> FileKey:
    return FileKeys([NEW]).new("folder/file")


@pytest.fixture
def files(tmp_path) -> ImageFiles:
    return ImageFiles.of(Settings(home=tmp_path, files_key=NEW, min_free_mb=0))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_comes_back(key, size):
    content = secrets.token_bytes(size)
    whole = sealed(content, key)
    chunks = max(1, -(-size // CHUNK_BYTES))
    assert len(whole) == HEADER_BYTES + size + chunks * TAG_BYTES
    assert is_sealed(whole)
    assert unsealed(whole, key) == content
    assert content[:32] not in whole or size < 32


@pytest.mark.parametrize("size", SIZES)
def test_an_uploaded_file_is_encrypted_on_the_disk(files, size):
    content = secrets.token_bytes(size)
    incoming = files.new_folder().new_file()
    for at in range(0, size, 100_003):
        incoming.write(content[at : at + 100_003])
    path = files.path(incoming.keep())
    assert is_sealed(path.read_bytes())
    assert content[:32] not in path.read_bytes() or size < 32
    assert files.read(path) == content


def test_a_file_on_its_way_can_be_read_from_any_place(files):
    content = secrets.token_bytes(3_000_000)
    with files.new_folder().new_file() as incoming:
        incoming.write(content)
        incoming.flush()
        assert incoming.seek(0, io.SEEK_END) == len(content)
        for at in (2_999_990, 0, CHUNK_BYTES - 3, 1_234_567):
            incoming.seek(at)
            assert incoming.read(70_000) == content[at : at + 70_000]
        with pytest.raises(ValueError, match="takes nothing more"):
            incoming.write(bytes(3_000_000))


def damages(whole: bytes):
    """Sealed files of three chunks, each changed in another way."""
    header, body = whole[:HEADER_BYTES], whole[HEADER_BYTES:]
    first, second, third = (
        body[at : at + SEALED_CHUNK] for at in range(0, len(body), SEALED_CHUNK)
    )
    yield "flipped in the content", header + first[:9] + bytes([first[9] ^ 1]) + first[10:]
    yield "flipped in a tag", whole[:-1] + bytes([whole[-1] ^ 1])
    yield "flipped in the salt", whole[:30] + bytes([whole[30] ^ 1]) + whole[31:]
    yield "exchanged", header + second + first + third
    yield "left out", header + first + third
    yield "twice", header + first + first + second + third
    yield "cut between chunks", header + first + second
    yield "cut in a chunk", whole[:-5]
    yield "all but a tag", header + first + second + third[:TAG_BYTES]
    yield "all but less than a tag", header + first + second + third[:5]
    yield "one chunk left", header + first
    yield "nothing left", header
    yield "longer", whole + b"x"
    yield "longer by an empty chunk", whole + bytes(TAG_BYTES)


@pytest.mark.parametrize("number", range(14))
def test_what_was_changed_on_the_disk_is_not_read(key, number):
    whole = sealed(secrets.token_bytes(3 * CHUNK_BYTES), key)
    _, changed = list(damages(whole))[number]
    with pytest.raises(FileDamaged, match="changed or cut off"):
        unsealed(changed, FileKeys([NEW]).of(changed, "folder/file"))


def test_no_end_of_a_file_that_was_cut_is_ever_reached(key):
    content = secrets.token_bytes(2 * CHUNK_BYTES + 40)
    whole = sealed(content, key)
    around = {HEADER_BYTES + n * SEALED_CHUNK + d for n in range(3) for d in range(-20, 60)}
    for cut in sorted(cut for cut in around if HEADER_BYTES <= cut < len(whole)):
        with pytest.raises(FileDamaged):
            SealedFile(io.BytesIO(whole[:cut]), key, new=False).readall()


def test_a_file_cannot_pass_for_another_one(files):
    folder = files.new_folder()
    paths = []
    for content in (b"one", b"two"):
        incoming = folder.new_file()
        incoming.write(content)
        paths.append(files.path(incoming.keep()))
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(FileDamaged):
        files.read(paths[0])
    assert files.read(paths[1]) == b"two"


def test_the_same_content_is_never_encrypted_alike(files, tmp_path):
    (tmp_path / "x").mkdir()
    file = tmp_path / "x" / "picture.jpg"
    files.write(file, b"the same" * 100)
    first = file.read_bytes()
    files.write(file, b"the same" * 100, durable=True)
    assert file.read_bytes()[HEADER_BYTES:] != first[HEADER_BYTES:]
    assert files.read(file) == b"the same" * 100


def test_plain_files_are_read_as_before_and_keys_may_change(tmp_path):
    def store(*keys: str) -> ImageFiles:
        return ImageFiles.of(Settings(home=tmp_path, files_key=",".join(keys), min_free_mb=0))

    def keep(files: ImageFiles, content: bytes):
        incoming = files.new_folder().new_file()
        incoming.write(content)
        return files.path(incoming.keep())

    plain, old = keep(store(), b"plain"), keep(store(OLD), b"with the old key")
    both = store(NEW, OLD)
    new = keep(both, b"with the new key")
    assert plain.read_bytes() == b"plain"
    assert [both.read(path) for path in (plain, old, new)] == [
        *(b"plain", b"with the old key", b"with the new key")
    ]
    assert new.read_bytes()[8:16].hex() == FileKeys([NEW]).ids[0]


def test_a_missing_key_is_said_at_the_start_and_by_each_file(files, tmp_path):
    incoming = files.new_folder().new_file()
    incoming.write(b"an X-ray")
    path = files.path(incoming.keep())
    (id_,) = FileKeys([NEW]).ids
    for key in ("", OLD):
        with pytest.raises(FileLocked, match=f"the key {id_}, which CXR_FILES_KEY does not hold"):
            ImageFiles.of(Settings(home=tmp_path, files_key=key))
        with pytest.raises(FileLocked, match=id_):
            ImageFiles(files.root, 0, FileKeys([key] if key else [])).read(path)
    assert NEW not in "".join(str(entry) for entry in tmp_path.rglob("*"))


def test_another_process_gets_the_keys_of_two_files_and_no_more(files):
    incoming = files.new_folder().new_file()
    incoming.write(b"an X-ray")
    path = files.path(incoming.keep())
    key = FileKey.from_json(files.key_to_read(path).as_json())
    assert unsealed(path.read_bytes(), key) == b"an X-ray"
    other = files.new_folder().new_file()
    other.write(b"another X-ray")
    with pytest.raises(FileDamaged):
        unsealed(files.path(other.keep()).read_bytes(), key)
