"""Hard attention: what is read is what the map says, and nothing else has a part in the answer."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from model.engines.keras_engine import outputs_of  # noqa: E402
from model.networks import build  # noqa: E402
from model.networks.hard_attention import CellsRead, Crop, Position  # noqa: E402

SIZE = 128  # nine positions of 64 pixels, 32 apart; a map of 4 x 4


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return build("hard_attention", {"size": SIZE})


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 60, (3, SIZE, SIZE, 3)).astype(np.float32)


def test_the_part_is_the_one_at_the_position():
    images = np.random.default_rng(0).random((9, SIZE, SIZE, 1)).astype(np.float32)
    parts = np.asarray(Crop(64, 32)([images, np.eye(9, dtype=np.float32)]))
    for number, part in enumerate(parts):
        top, left = 32 * (number // 3), 32 * (number % 3)
        np.testing.assert_array_equal(part, images[number, top : top + 64, left : left + 64])


def test_the_map_is_one_where_the_part_lies():
    grids = np.asarray(CellsRead(4, 2)(np.eye(9, dtype=np.float32)))
    for number, grid in enumerate(grids):
        expected = np.zeros((4, 4))
        expected[number // 3 : number // 3 + 2, number % 3 : number % 3 + 2] = 1
        np.testing.assert_array_equal(grid, expected)


def test_the_best_position_when_served_and_all_of_them_in_training():
    logits = np.tile(np.array([[0.0, 1.0, 0.5]], np.float32), (400, 1))
    layer = Position()
    served = np.asarray(layer(logits))
    np.testing.assert_array_equal(served, np.tile([0, 1, 0], (400, 1)))
    drawn = np.asarray(layer(logits, training=True)).mean(axis=0)
    expected = np.exp(logits[0]) / np.exp(logits[0]).sum()
    np.testing.assert_allclose(drawn, expected, atol=0.1)


def test_what_was_not_read_has_no_part_in_the_answer(network, images):
    """The glance chooses; a change outside of the part that leaves the choice leaves the answer."""
    probabilities, grid = outputs_of(network, images)
    assert set(np.unique(grid)) == {0, 1}
    assert (np.asarray(grid).sum(axis=(1, 2)) == 4).all()
    read = np.kron(np.asarray(grid), np.ones((1, 32, 32)))[..., None].astype(bool)
    # Chequered at the finest grain: the glance, at half the resolution, does not see it.
    board = np.where(np.indices((SIZE, SIZE)).sum(axis=0) % 2, 9, -9)[None, ..., None]
    elsewhere, same_grid = outputs_of(network, images + np.where(read, 0, board))
    inside, _ = outputs_of(network, images + np.where(read, board, 0))
    np.testing.assert_array_equal(same_grid, grid)
    np.testing.assert_allclose(elsewhere, probabilities, atol=1e-5)
    assert np.abs(inside - np.asarray(probabilities)).max() > 1e-4


def test_a_size_that_makes_no_cells_is_refused():
    with pytest.raises(ValueError, match=r"multiple of 64 pixels. Received: 96"):
        build("hard_attention", {"size": 96})
