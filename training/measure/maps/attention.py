"""Whether the network looks at the lungs: its attention against masks that people drew."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from model.input.preprocess import Box
from training.data.reading import read
from training.data.samples import Sample
from training.errors import TrainingError
from training.measure.intervals import RESAMPLES, with_intervals

# A mask of other proportions was drawn on another cut of the X-ray and lies beside the lungs.
MAX_STRETCHED = 0.02


def lung_attention(
    samples: Sequence[Sample],
    attention: np.ndarray | None,
    boxes: Sequence[Box],
    resamples: int = RESAMPLES,
) -> dict[str, Any] | None:
    """The share of the attention inside the lungs, beside the lungs' share of the area.

    A network that looks everywhere alike has twice the same share.

    attention: (N, h, w) float, 0 or more, as the network used it; None when it has none.
    boxes: the part of each X-ray that its map covers. Returns: means with 95 % intervals over
    patients, for JSON; None without attention, and when no sample has a mask that fits. Raises
    TrainingError when a mask cannot be read.
    """
    if attention is None:
        return None
    masked = [number for number, sample in enumerate(samples) if sample.lung_mask]
    fitting = [number for number in masked if mask_fits(samples[number])]
    if not fitting:
        return None
    shape = attention.shape[1:]
    lungs = np.stack(
        [lung_shares(lung_mask(samples[number]), shape, boxes[number]) for number in fitting]
    )
    patients = [samples[number].patient for number in fitting]
    found = with_intervals(lungs, attention[fitting], patients, _shares, resamples)
    return {
        "n": len(fitting),
        "patients": len(set(patients)),
        "masks_of_another_cut": len(masked) - len(fitting),
        "figures": {name: figure.as_dict() for name, figure in found.items()},
    }


def mask_fits(sample: Sample) -> bool:
    """Whether the mask has the proportions of the X-ray."""
    radiograph, (width, height) = read(sample), _open(sample).size
    return abs(width / height * radiograph.height / radiograph.width - 1) <= MAX_STRETCHED


def lung_mask(sample: Sample) -> np.ndarray:
    """(H, W) float32: 1 where its mask says lung, else 0. Raises TrainingError."""
    return (np.asarray(_open(sample).convert("L")) > 0).astype(np.float32)


def lung_shares(mask: np.ndarray, shape: tuple[int, int], box: Box) -> np.ndarray:
    """(h, w) float32: how much of each cell of a map, 0..1, is lung; the map covers `box`.

    mask: (H, W) float32, 0..1.
    """
    height, width = mask.shape
    cells = Image.fromarray(mask).resize(
        shape[::-1],
        Image.Resampling.BOX,
        box=(box.left * width, box.top * height, box.right * width, box.bottom * height),
    )
    return np.asarray(cells)


def _shares(lungs: np.ndarray, attention: np.ndarray) -> dict[str, float | None]:
    # A map without any attention takes part as one that is everywhere alike.
    weights = np.where(attention.sum(axis=(1, 2), keepdims=True) > 0, attention, 1)
    inside = (weights * lungs).sum(axis=(1, 2)) / weights.sum(axis=(1, 2))
    area = lungs.mean(axis=(1, 2))
    return {
        "attention_in_lungs": float(inside.mean()),
        "area_of_lungs": float(area.mean()),
        "difference": float((inside - area).mean()),
    }


def _open(sample: Sample) -> Image.Image:
    try:
        with Image.open(sample.lung_mask) as mask:
            mask.load()
            return mask
    except OSError as error:
        why = error.strerror or "it is not a picture"
        raise TrainingError(f"The lung mask {sample.lung_mask} cannot be read: {why}.") from error
