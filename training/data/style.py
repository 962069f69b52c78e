"""The style of an X-ray: what the machine and its settings do to a picture, and lungs do not.

COVID-19 and healthy adults never come from one hospital in our data, so the style tells the label
and a network learns it first. Images that borrow each other's style take that reward away. Style is
here the grey values' distribution and the power at each spatial frequency (sharpness, noise, edge
enhancement), averaged over all directions so that no anatomy is borrowed with it; the latter after
the amplitude mixing of Yang and Soatto (FDA, CVPR 2020) and Xu et al. (FACT, CVPR 2021).
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.data.samples import Sample
from training.data.weighting import FEW

# Grey values are compared at this many quantiles.
QUANTILES = np.linspace(0, 1, 33)
# No frequency is made stronger or weaker than this many times.
MAX_GAIN = 4.0
# Waves this long (cycles per image) draw the chest itself and are left alone.
CHEST = 3
# Share of a style's grey values that is borrowed: dark lungs must not turn white.
EXPOSURE = 0.5
# Images of each group whose style can be borrowed.
DONORS = 64


@dataclass(frozen=True)
class Style:
    """quantiles: (33,) grey values. spectrum: (R,) mean logarithm of the amplitude at each radius,
    from 1 cycle per image on."""

    quantiles: np.ndarray
    spectrum: np.ndarray


def style_of(grey: np.ndarray) -> Style:
    """grey: (S, S) float32, 0..1."""
    return Style(np.quantile(grey, QUANTILES), _spectrum(np.fft.fft2(grey)))


def restyled(grey: np.ndarray, style: Style, strength: float) -> np.ndarray:
    """grey: (S, S) float32, 0..1; left alone. strength: 0 (none of the style) to 1 (all of it).

    Returns: (S, S) float32, 0..1.
    """
    waves = np.fft.fft2(grey)
    most = np.log(MAX_GAIN)
    louder = np.clip(strength * (style.spectrum - _spectrum(waves)), -most, most)
    louder[:CHEST] = 0
    gain = np.exp(np.concatenate(([0.0], louder)))[_radii(grey.shape[0])]
    changed = np.real(np.fft.ifft2(waves * gain))
    own = np.quantile(changed, QUANTILES)
    matched = np.interp(changed, own, own + EXPOSURE * strength * (style.quantiles - own))
    return np.clip(matched, 0, 1).astype(np.float32)


def donor_styles(
    samples: Sequence[Sample], load: Callable[[Sample], np.ndarray], seed: int = 0
) -> list[list[Style]]:
    """Styles to borrow, one list for each group of source and label.

    load: a sample's (S, S) float32 grey values, 0..1. Groups with fewer than FEW images lend none.
    """
    random = np.random.default_rng(seed)
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.source, sample.label), []).append(sample)
    return [
        [style_of(load(group[n])) for n in random.permutation(len(group))[:DONORS]]
        for _, group in sorted(groups.items())
        if len(group) >= FEW
    ]


def _spectrum(waves: np.ndarray) -> np.ndarray:
    radii = _radii(waves.shape[0]).ravel()
    amplitude = np.log(np.abs(waves).ravel() + 1e-3)
    return (np.bincount(radii, amplitude) / np.bincount(radii))[1:]


@functools.cache
def _radii(size: int) -> np.ndarray:
    """(S, S) int: whole cycles per image, corners counted with the largest circle inside."""
    frequency = np.fft.fftfreq(size, 1 / size)
    radius = np.hypot(frequency[:, None], frequency)
    return np.minimum(np.rint(radius), size // 2).astype(int)
