import os

import pytest

from worker.errors import StorageUnavailable
from worker.files import BUFFER_BYTES


def test_a_kept_file_is_found_by_its_key(files):
    incoming = files.incoming()
    incoming.write(b"one ")
    incoming.write(memoryview(b"two"))
    key = incoming.keep()
    assert files.path(key).read_bytes() == b"one two"
    assert not list((files.root / "incoming").iterdir())


@pytest.mark.parametrize("end", ["discard", "close"])
def test_a_file_that_is_not_kept_leaves_nothing(files, end):
    incoming = files.incoming()
    incoming.write(b"half an upl")
    getattr(incoming, end)()
    assert not [entry for entry in files.root.rglob("*") if entry.is_file()]


def test_closing_after_keeping_keeps_it(files):
    incoming = files.incoming()
    key = incoming.keep()
    incoming.close()
    assert files.path(key).exists()


def test_a_deleted_file_is_gone_and_deleting_again_is_no_error(files):
    key = files.incoming().keep()
    files.delete(key)
    files.delete(key)
    assert not files.path(key).exists()


@pytest.mark.parametrize("step", ["keep", "flush", "write"])
def test_a_full_disk_is_a_clear_error_and_leaves_nothing(files, step):
    incoming = files.incoming()
    # Every write to this device answers that no space is left.
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, incoming.fileno())
    os.close(full)
    incoming.write(b"x" * 100)
    too_much = bytes(2 * BUFFER_BYTES)
    steps = {
        "keep": incoming.keep,
        "flush": incoming.flush,
        "write": lambda: incoming.write(too_much),
    }
    with pytest.raises(StorageUnavailable, match="No space left on device"):
        steps[step]()
    incoming.close()
    assert not [entry for entry in files.root.rglob("*") if entry.is_file()]


def test_an_unusable_folder_is_a_clear_error(files):
    files.root.parent.mkdir(parents=True)
    files.root.write_text("a file where the folder should be")
    with pytest.raises(StorageUnavailable, match="Not a directory"):
        files.incoming()
