"""Styles swapped between two labels, on pictures of stripes."""

from dataclasses import replace

import numpy as np
import pytest

from model.artifact import load_artifact
from tests.support.toys import CLASSES, toy_folders
from training.data.manifest import read_folders
from training.data.splits import of_split
from training.errors import TrainingError
from training.measure.intervals import Figure

pytest.importorskip("skimage")

from training.measure.robustness import swaps


def waves(cycles: int, height: float) -> np.ndarray:
    """(64, 64) float32 around a half."""
    phase = 2 * np.pi * cycles * np.arange(64) / 64
    return (0.5 + height * np.sin(phase) * np.ones((64, 1))).astype(np.float32)


def test_only_the_longest_waves_change():
    short = waves(20, 0.1)
    mixed = swaps.low_frequencies(waves(3, 0.05) + short - 0.5, waves(3, 0.2))
    np.testing.assert_allclose(mixed, waves(3, 0.2) + short - 0.5, atol=1e-5)


@pytest.mark.parametrize("swap", list(swaps.SWAPS)[1:])
def test_a_swap_changes_the_picture_and_leaves_both_originals_alone(swap):
    random = np.random.default_rng(0)
    own, donor = random.random((2, 64, 64), np.float32) * np.float32([[[0.5]], [[1]]])
    before = own.copy(), donor.copy()
    changed = swaps.SWAPS[swap](own, donor)
    assert np.abs(changed - own).mean() > 0.01
    assert (changed.shape, changed.dtype) == ((64, 64), np.float32)
    np.testing.assert_array_equal((own, donor), before)


def test_every_swap_is_measured_on_both_labels(toy_artifact, tmp_path, monkeypatch):
    samples = of_split(read_folders(toy_folders(tmp_path / "stripes"), CLASSES), "val")
    asked = []
    monkeypatch.setitem(
        swaps.SWAPS, "low frequencies swapped", lambda *pair: asked.append(pair) or pair[0]
    )

    found = swaps.measure(load_artifact(toy_artifact()), samples, resamples=20)

    assert list(found) == list(swaps.SWAPS)
    assert all(list(figures) == list(swaps.FIGURES) for figures in found.values())
    assert found["low frequencies swapped"] == found["as they are"]
    # Every COVID19 borrows of a NORMAL, and the other way round.
    covid19, normal = asked[0][0], asked[4][0]
    assert len(asked) == 8
    assert not np.array_equal(covid19, normal)
    for own, other in asked[:4]:
        assert any(np.array_equal(other, pair[0]) for pair in asked[4:]), own
    for own, other in asked[4:]:
        assert any(np.array_equal(other, pair[0]) for pair in asked[:4]), own


def test_one_label_alone_cannot_be_swapped(toy_artifact, tmp_path):
    samples = [
        replace(sample, label="NORMAL")
        for sample in read_folders(toy_folders(tmp_path / "stripes"), CLASSES)
    ]
    with pytest.raises(TrainingError, match="one is missing"):
        swaps.measure(load_artifact(toy_artifact()), samples)


def test_the_table_has_a_row_for_each_swap():
    figure = Figure(0.5, 0.25, 0.75)
    found = {name: dict.fromkeys(swaps.FIGURES, figure) for name in swaps.SWAPS}
    lines = swaps.table("toy-0.0.1", found).splitlines()
    assert lines[0].startswith("| toy-0.0.1 | COVID19 AUROC |")
    assert len(lines) == 2 + len(swaps.SWAPS)
    assert lines[-1].count("0.500 (0.250-0.750)") == 3
