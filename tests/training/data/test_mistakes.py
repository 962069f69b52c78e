"""Pictures sent by mistake are dealt out in blocks of neighbours, each kind and source alone."""

import pytest

from training.data.mistakes import LAST, read_mistakes

ROWS = [
    *(f"side{number}.jpg,lateral,,a,CC BY" for number in range(8)),
    *(f"hand{number}.jpg,medmnist,,b,CC BY" for number in range(5)),
]


def test_neighbours_share_a_block_and_each_kind_has_all_of_them(tmp_path):
    folder = tmp_path / "not_frontal"
    folder.mkdir()
    (folder / "index.csv").write_text("\n".join(["file,kind,patient,source,licence", *ROWS]))

    found = read_mistakes(tmp_path)

    assert [one.path for one in found[:2]] == [folder / "side0.jpg", folder / "side1.jpg"]
    assert [one.block for one in found if one.kind == "lateral"] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [one.block for one in found if one.kind == "medmnist"] == [0, 0, 1, 2, LAST]


def test_data_without_such_pictures(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_mistakes(tmp_path)
