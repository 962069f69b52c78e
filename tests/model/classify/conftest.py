from pathlib import Path

import pytest

from tests.support.pictures import NOT_CHESTS, png_of


@pytest.fixture
def folder(tmp_path, chest) -> Path:
    """A chest, a page, a text file and hidden files, in two levels."""
    (tmp_path / "b").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "a.png").write_bytes(png_of(chest.pixels))
    (tmp_path / "b" / "page.png").write_bytes(png_of(NOT_CHESTS["text_page"]()))
    (tmp_path / "b" / "notes.txt").write_text("nothing of note")
    (tmp_path / "b" / ".hidden.png").write_bytes(b"")
    (tmp_path / ".cache" / "c.png").write_bytes(b"")
    return tmp_path
