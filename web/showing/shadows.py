"""How far a shadow model agrees with the model in use."""

from collections.abc import Sequence
from dataclasses import dataclass

from web.showing.agreement import Figure, kappa, share
from worker.records.clinics import ShadowNumbers


@dataclass(frozen=True)
class ShadowLabel:
    """given: films to which the model gave the label; other: those of them to which the shadow
    model gave another; shadow_given: films to which that one gave it. difference: mean of the
    shadow's probability less the model's, in percentage points; distance: mean of its size; None
    of a label that only one of them knows."""

    label: str
    given: int
    shadow_given: int
    other: int
    difference: float | None
    distance: float | None


@dataclass(frozen=True)
class Shadow:
    """Of films that both classified. same: share with the same label."""

    model: str
    shadow: str
    same: Figure
    kappa: Figure
    labels: tuple[ShadowLabel, ...]


def shadow_agreement(numbers: ShadowNumbers, labels: Sequence[str]) -> Shadow:
    """labels: all of both models, in the order in which they are shown."""
    counts = numbers.counts
    return Shadow(
        model=numbers.model,
        shadow=numbers.shadow,
        same=share(sum(counts[one, one] for one in labels), sum(counts.values())),
        kappa=kappa(counts, labels),
        labels=tuple(_of_label(numbers, one) for one in labels),
    )


def _of_label(numbers: ShadowNumbers, label: str) -> ShadowLabel:
    given = sum(count for (ours, _), count in numbers.counts.items() if ours == label)
    theirs = sum(count for (_, theirs), count in numbers.counts.items() if theirs == label)
    means = (numbers.differences.get(label), numbers.distances.get(label))
    points = (None if mean is None else 100 * mean for mean in means)
    return ShadowLabel(label, given, theirs, given - numbers.counts[label, label], *points)
