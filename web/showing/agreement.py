"""How far a model's results agree with what readers say, with intervals of 95 %."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MIN_FOR_KAPPA = 20  # of fewer reviews its large-sample interval says nothing
Z = 1.959964  # of the normal distribution, for 95 %


@dataclass(frozen=True)
class Figure:
    """A share (or kappa) of `n` reviews, with its interval; `value` None where nothing counts."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class LabelAgreement:
    """sensitivity: of the films that readers gave the label, the share that the model did, too.
    specificity: of those that they gave another, the share that the model gave another."""

    label: str
    sensitivity: Figure
    specificity: Figure


@dataclass(frozen=True)
class Agreement:
    """agreed: share of reviews with the model's label. kappa: Cohen's, 1 for perfect agreement and
    0 for that of chance; of MIN_FOR_KAPPA reviews or more. Reviews count as independent, though one
    film may have several."""

    n: int
    agreed: Figure
    kappa: Figure
    labels: tuple[LabelAgreement, ...]


def agreement(counts: Counter, labels: Sequence[str]) -> Agreement:
    """counts: of (the model's label, the reader's label). labels: in the model's order."""
    total = sum(counts.values())
    same = sum(count for (model, reader), count in counts.items() if model == reader)
    return Agreement(
        n=total,
        agreed=share(same, total),
        kappa=kappa(counts, labels),
        labels=tuple(_of_label(counts, label) for label in labels),
    )


def _of_label(counts: Counter, label: str) -> LabelAgreement:
    def sum_where(model: bool | None, reader: bool) -> int:
        return sum(
            count
            for (said, truth), count in counts.items()
            if (truth == label) is reader and model in (None, said == label)
        )

    return LabelAgreement(
        label,
        sensitivity=share(sum_where(True, True), sum_where(None, True)),
        specificity=share(sum_where(False, False), sum_where(None, False)),
    )


def share(part: int, whole: int) -> Figure:
    """With Wilson's interval (1927), which holds for few cases and near 0 and 1."""
    if not whole:
        return Figure(None, None, None, 0)
    found, z2 = part / whole, Z * Z
    middle = (found + z2 / (2 * whole)) / (1 + z2 / whole)
    spread = Z / (1 + z2 / whole)
    half = spread * math.sqrt(found * (1 - found) / whole + z2 / (4 * whole * whole))
    return Figure(found, max(0.0, middle - half), min(1.0, middle + half), whole)


def kappa(counts: Counter, labels: Sequence[str]) -> Figure:
    """Cohen's kappa (1960) of pairs of labels with its large-sample interval."""
    total = sum(counts.values())
    if total < MIN_FOR_KAPPA:
        return Figure(None, None, None, total)
    firsts, seconds = Counter(), Counter()
    for (first, second), count in counts.items():
        firsts[first] += count
        seconds[second] += count
    seen = sum(counts[label, label] for label in labels) / total
    chance = sum(firsts[label] * seconds[label] for label in labels) / total**2
    if chance >= 1:
        return Figure(None, None, None, total)
    found = (seen - chance) / (1 - chance)
    half = Z * math.sqrt(seen * (1 - seen) / (total * (1 - chance) ** 2))
    return Figure(found, max(-1.0, found - half), min(1.0, found + half), total)
