"""Weights: classes count equally, and no source decides a class alone."""

from pathlib import Path

import numpy as np
import pytest

from training.data.samples import Sample
from training.data.weighting import FEW, sample_weights


def samples(**counts: int) -> list[Sample]:
    """Keywords such as NORMAL_here=3."""
    groups = [(*group.split("_"), count) for group, count in counts.items()]
    return [
        Sample(Path(f"{source}/{number}.png"), label, "train", f"{source}{label}{number}", source)
        for label, source, count in groups
        for number in range(count)
    ]


def total(weights: np.ndarray, chosen: list[Sample], label: str, source: str = "") -> float:
    inside = [s.label == label and s.source == (source or s.source) for s in chosen]
    return float(weights[inside].sum())


def test_classes_count_equally():
    chosen = samples(COVID19_a=100, NORMAL_a=900, PNEUMONIA_b=300)
    weights = sample_weights(chosen)

    assert weights.dtype == np.float32
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    for label in ("COVID19", "NORMAL", "PNEUMONIA"):
        assert total(weights, chosen, label) == pytest.approx(len(chosen) / 3, rel=1e-4)


def test_a_source_counts_by_the_root_of_its_images():
    chosen = samples(NORMAL_large=900, NORMAL_small=100)
    weights = sample_weights(chosen)

    large, small = (total(weights, chosen, "NORMAL", source) for source in ("large", "small"))
    assert large / small == pytest.approx(3, rel=1e-4)


def test_a_share_grows_without_a_jump():
    large, small = samples(NORMAL_large=900), samples(NORMAL_small=2 * FEW)
    shares = [
        total(sample_weights(chosen), chosen, "NORMAL", "small") / len(chosen)
        for chosen in (large + small[:n] for n in range(1, 2 * FEW))
    ]
    steps = np.diff(shares)
    assert (steps > 0).all()
    assert steps.max() < 1.2 * steps[0]


def test_a_handful_of_images_gets_no_large_share():
    chosen = samples(NORMAL_large=900, NORMAL_tiny=2)
    weights = sample_weights(chosen)

    assert total(weights, chosen, "NORMAL", "tiny") / weights.sum() < FEW**0.5 / 900**0.5 / 10
