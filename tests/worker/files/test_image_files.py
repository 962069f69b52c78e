import os

import pytest

from worker.errors import StorageUnavailable
from worker.files.incoming import BUFFER_BYTES


def test_a_kept_file_is_found_by_its_key(files):
    folder = files.new_folder()
    incoming = folder.new_file()
    incoming.write(b"one ")
    incoming.write(memoryview(b"two"))
    key = incoming.keep()
    folder.sync()
    assert files.path(key).read_bytes() == b"one two"
    assert key.startswith(f"{folder.name}/")


@pytest.mark.parametrize("end", ["discard", "close"])
def test_a_file_that_is_not_kept_leaves_nothing(files, end):
    incoming = files.new_folder().new_file()
    incoming.write(b"half an upl")
    getattr(incoming, end)()
    assert not [entry for entry in files.root.rglob("*") if entry.is_file()]


def test_closing_after_keeping_keeps_it(files):
    incoming = files.new_folder().new_file()
    key = incoming.keep()
    incoming.close()
    assert files.path(key).exists()


def test_a_deleted_file_is_gone_and_deleting_again_is_no_error(files):
    folder = files.new_folder()
    first, second = folder.new_file().keep(), folder.new_file().keep()
    files.delete([first])
    assert files.path(second).exists()
    files.delete([first, second])
    assert not files.path(second).parent.exists()


def test_an_upload_that_is_deleted_leaves_nothing(files):
    folder = files.new_folder()
    folder.sync()
    folder.new_file().keep()
    folder.delete()
    assert not list(files.root.iterdir())


@pytest.mark.parametrize("step", ["keep", "flush", "write"])
def test_a_full_disk_is_a_clear_error_and_leaves_nothing(files, step):
    incoming = files.new_folder().new_file()
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
        files.new_folder().new_file()
