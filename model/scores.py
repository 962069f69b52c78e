"""What the gate says about an image, kept with its result."""

from typing import NamedTuple


class GateScore(NamedTuple):
    """version: of the gate that was asked, such as `frontal-1.0.0`. score: how much the image looks
    like a frontal chest X-ray, 0..1; scores of two versions cannot be compared."""

    version: str
    score: float
