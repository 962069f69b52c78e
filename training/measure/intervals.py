"""95 % intervals of any figure, from resampling patients."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import binomtest

RESAMPLES = 1000
# Figures that are a share of images: none or all of them is a result, too.
SHARES = ("accuracy", "sensitivity_", "specificity_", "normal_called_covid19")
# Figures that chance alone makes too large, in a resample twice: what they gain there is taken off.
BIASED = ("ece",)


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % interval; None where it cannot be computed."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """For JSON, with the four decimals that a few thousand images can carry."""
        return {k: None if v is None else round(v, 4) for k, v in asdict(self).items()}


def with_intervals(
    targets: np.ndarray,
    probabilities: np.ndarray,
    patients: Sequence[str],
    measure: Callable[[np.ndarray, np.ndarray], dict[str, float | None]],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Figure]:
    """`measure` on all images, with percentile bootstrap intervals.

    Of BIASED figures, what the bootstrap says about their bias is taken off the value, and the
    interval is the basic one (Efron and Tibshirani 1993, sections 10.2 and 13.4), cut off at 0.

    Whole patients are drawn, because images of one patient are alike. Where all patients agree,
    resampling says nothing: a share has the rule of three then, another figure has no interval.

    targets, probabilities: what `measure` takes, one row per image.
    """
    _, group = np.unique(np.asarray(patients), return_inverse=True)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(group))[:-1])
    random = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(resamples):
        chosen = random.integers(0, len(members), len(members))
        images = np.concatenate([members[number] for number in chosen])
        for name, value in measure(targets[images], probabilities[images]).items():
            if value is not None:
                drawn.setdefault(name, []).append(value)
    found = {}
    for name, value in measure(targets, probabilities).items():
        values = drawn.get(name, ())
        if value is not None and values and min(values) < max(values):
            low, high = np.percentile(values, (2.5, 97.5))
            if name in BIASED:
                around = (2 * value - end for end in (np.mean(values), high, low))
                found[name] = Figure(*(max(0.0, float(end)) for end in around))
            else:
                found[name] = Figure(value, float(low), float(high))
        elif value in (0, 1) and name.startswith(SHARES):
            alone = (measure(targets[images], probabilities[images])[name] for images in members)
            found[name] = rule_of_three(value, sum(share is not None for share in alone))
        else:
            found[name] = Figure(value)
    return found


def wilson(count: int, of: int) -> Figure:
    """A share of independent things with Wilson's interval (1927). of: 1 or more."""
    around = binomtest(count, of).proportion_ci(method="wilson")
    return Figure(count / of, float(around.low), float(around.high))


def rule_of_three(value: float, patients: int) -> Figure:
    """The interval of a share that is 0 or 1 in all patients: its other end is 3/n away.

    Hanley and Lippman-Hand 1983, "If nothing goes wrong, is everything all right?"
    """
    if patients < 2:
        return Figure(value)
    end = min(1.0, 3 / patients)
    return Figure(0.0, 0.0, end) if value == 0 else Figure(1.0, 1 - end, 1.0)
