"""Which image a person should read first.

`suspicion` is how far a result is from "nothing found": 1 - p(NORMAL) where the model knows NORMAL.
Every label of a model without it is a finding, so there it is the highest probability: the surest
finding first.
"""

from collections.abc import Mapping

NORMAL = "NORMAL"
# Groups, each from the most to the least suspicious. An uncertain result is neither a finding nor
# its absence, so it is read after the findings and before the normal ones.
FINDING, UNCERTAIN, NO_FINDING = 0.0, 1.0, 2.0
WITHOUT_RESULT = 4.0  # behind every group


def suspicion(probabilities: Mapping[str, float]) -> float:
    """probabilities: by label, their sum is 1. Returns: 0..1."""
    if NORMAL in probabilities:
        return min(1.0, max(0.0, 1 - probabilities[NORMAL]))
    return max(probabilities.values())


def reading_rank(label: str, probabilities: Mapping[str, float], uncertain: bool) -> float:
    """Place in the order of reading, 0..3: the lowest is read first."""
    group = UNCERTAIN if uncertain else NO_FINDING if label == NORMAL else FINDING
    return group + 1 - suspicion(probabilities)
