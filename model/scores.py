"""What is kept with a result besides its probabilities: the gate's score, the call of a triage."""

from typing import NamedTuple


class GateScore(NamedTuple):
    """version: of the gate that was asked, such as `frontal-1.0.0`. score: how much the image looks
    like a frontal chest X-ray, 0..1; scores of two versions cannot be compared."""

    version: str
    score: float


class Triage(NamedTuple):
    """score: how far from the label of those who have nothing, 0..1. threshold: from here on the
    X-ray is flagged; it was chosen so that the flagged films hold a given share of the ill."""

    score: float
    threshold: float

    @property
    def flagged(self) -> bool:
        return self.score >= self.threshold
