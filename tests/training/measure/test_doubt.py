"""Marking results as uncertain: what each rule is fitted on, and what is counted."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from model.doubt import Reference
from model.framing.box import WHOLE
from tests.support.toys import LABELS
from training.data.samples import Sample
from training.measure.doubt import (
    DISTANCES,
    _energy,
    _margin,
    chosen_films,
    figures,
    fit_reference,
)
from training.measure.evaluate import Answers

CENTRES = np.array([[6, 6, 0, 0], [8, 0, 0, 0], [0, 8, 0, 0]], np.float32)


def answers(n: int, seed: int, away: float = 0.0) -> Answers:
    """Features around a direction for each label, narrow in the last two; of any length."""
    random = np.random.default_rng(seed)
    targets = np.arange(n) % len(LABELS)
    features = CENTRES[targets] + random.normal(size=(n, 4)) * [1, 1, 0.1, 0.1]
    features *= random.uniform(0.5, 2, (n, 1))
    features[:, 3] += away
    samples = [
        Sample(Path(f"{k}.png"), LABELS[target], "val", str(k), "made up")
        for k, target in enumerate(targets)
    ]
    probabilities = np.full((n, len(LABELS)), 0.1) + 0.7 * np.eye(len(LABELS))[targets]
    return Answers(
        samples, probabilities, {}, [WHOLE] * n, LABELS, features=features.astype(np.float32)
    )


@pytest.mark.parametrize("distance", DISTANCES)
def test_films_off_in_a_direction_in_which_no_training_film_varies_are_unlike(distance, tmp_path):
    films, val = answers(300, 0), answers(300, 1)
    reference = fit_reference(films, val, distance)
    reference.save(tmp_path / "films.npz")
    loaded = Reference.load(tmp_path / "films.npz")

    assert (loaded.distances(val.features) > loaded.limit).mean() == pytest.approx(0.05, abs=0.01)
    assert (loaded.distances(answers(300, 2).features) > loaded.limit).mean() < 0.12
    assert (loaded.distances(answers(300, 2, away=4.0).features) > loaded.limit).mean() > 0.9


def test_sources_count_alike_among_the_films_compared_with():
    samples = [
        Sample(Path(f"{source}-{k}"), label, "train", f"{source}-{label}-{k}", source)
        for source, label, n in (("a", "X", 200), ("a", "Y", 3), ("b", "X", 50))
        for k in range(n)
    ]
    chosen = chosen_films(samples, seed=0, most=63)
    counts = dict.fromkeys((("a", "X"), ("a", "Y"), ("b", "X")), 0)
    for sample in chosen:
        counts[sample.source, sample.label] += 1
    assert counts == {("a", "X"): 30, ("a", "Y"): 3, ("b", "X"): 30}


def test_what_rules_call_doubtful():
    """By hand, of two films of which the first is a close call."""
    probabilities = np.array([[0.5, 0.4, 0.1], [0.9, 0.06, 0.04]])
    assert -_margin(probabilities) == pytest.approx([-0.1, -0.84])
    weights = {"probabilities/0": np.eye(2, dtype=np.float32), "probabilities/1": np.zeros(2)}
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(file, **weights)
        file.flush()
        features = np.log([[1.0, 1.0], [8.0, 1.0]])
        energy = _energy(SimpleNamespace(weights_file=Path(file.name)), features)
    assert energy == pytest.approx([-np.log(2), -np.log(9)])  # the weaker the logits, the higher


def test_coverage_and_error_in_what_is_covered():
    found = answers(8, 0)
    # Three are wrong, and one of them is marked, with three others.
    found.probabilities[:2] = [[0, 0, 1], [1, 0, 0]]
    found.probabilities[7] = [1, 0, 0]
    marked = np.array([True, False, True, True, True, False, False, False])
    values = {name: figure.value for name, figure in figures(found, marked, resamples=5).items()}
    assert values == {
        "unmarked": 0.5,
        "wrong of the unmarked": 0.5,
        "wrong and unmarked": 0.25,
    }
