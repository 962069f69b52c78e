"""The gate: is this a frontal chest X-ray? If not, the network must not be asked.

Cheap rules come first (blank, colour, proportions). What passes them is measured
(`gate_features`) and scored by `FrontalModel`: how far the picture lies from the subspace of real
chests, and a small network on top. `python -m training.gate` fits it.
"""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from model.errors import BlankImage, LateralXray, NotAChestXray, RotatedXray
from model.gate.features import BLACK, CELLS, DIRECTIONS, THUMB, WHITE, measure
from model.reading.radiograph import Radiograph
from model.scores import GateScore

MODEL_FILE = Path(__file__).with_name("gate.npz")

SHAPE = THUMB * THUMB + CELLS * CELLS * DIRECTIONS  # features that describe shape; texture follows
MIN_CONTRAST = 0.02  # of the full range, between the 1st and the 99th percentile
MAX_COLOUR = 0.03  # see Radiograph.colourfulness
MAX_STRETCHED = 2.5  # longer side over shorter side
MAX_EMPTY = 0.6  # share of black or of white pixels; of 7,914 chests none had over 0.55
# Log odds from which a refused picture is called a lateral chest.
LATERAL_ODDS = 1.0
_SHAPE_LIMIT, _INNER_LIMIT = 6.0, 8.0  # standard deviations; keeps odd pictures from overshooting

_SEND = "Send a frontal chest X-ray (PA or AP)."


@dataclass(frozen=True)
class FrontalModel:
    """Weights of the score: D features, C components, I inner values, M members, H hidden units.

    template: (THUMB, THUMB), the mean chest. mean, scale: (D,). components: (SHAPE, C).
    variances: (C,) of the chests along the components. inner_mean, inner_scale: (I,).
    hidden: (M, I, H), hidden_bias: (M, H), out: (M, H), out_bias: (M,).
    threshold: scores below it are refused. lateral: (I,), lateral_bias: log odds that what was
    refused is a lateral chest. version: what its scores are signed with.
    """

    template: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    inner_mean: np.ndarray
    inner_scale: np.ndarray
    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    out_bias: np.ndarray
    threshold: np.ndarray
    lateral: np.ndarray
    lateral_bias: np.ndarray
    version: str

    def inner(self, features: np.ndarray) -> np.ndarray:
        """(N, D) features → (N, I): whitened components, log distances to and in the subspace of
        chests (reconstruction error, Mahalanobis), texture."""
        normal = (features - self.mean) / self.scale
        shape = np.clip(normal[:, :SHAPE], -_SHAPE_LIMIT, _SHAPE_LIMIT)
        along = shape @ self.components
        error = (shape**2).sum(axis=1) - (along**2).sum(axis=1)
        white = along / np.sqrt(self.variances)
        return np.column_stack(
            [
                white,
                np.log(np.maximum(error, 1)),
                np.log1p((white**2).sum(axis=1)),
                normal[:, SHAPE:],
            ]
        )

    def standardised(self, inner: np.ndarray) -> np.ndarray:
        return np.clip((inner - self.inner_mean) / self.inner_scale, -_INNER_LIMIT, _INNER_LIMIT)

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(N, D) features → (N,) mean log odds that the picture is a frontal chest X-ray."""
        inner = self.standardised(self.inner(features))
        units = np.einsum("ni,mih->nmh", inner, self.hidden, optimize=True) + self.hidden_bias
        odds = (np.maximum(units, 0) * self.out).sum(axis=2) + self.out_bias
        return odds.mean(axis=1)

    def refuses(self, features: np.ndarray) -> np.ndarray:
        """(N, D) features → (N,) bool: mostly empty, or a score below the threshold."""
        return _empty(features) | (self.scores(features) < self.threshold)

    def calls_lateral(self, features: np.ndarray) -> np.ndarray:
        """(N, D) features of refused pictures → (N,) bool: it looks like a lateral chest."""
        inner = self.standardised(self.inner(features))
        return inner @ self.lateral + self.lateral_bias > LATERAL_ODDS

    def save(self, path: Path) -> None:
        np.savez_compressed(path, **vars(self))

    @classmethod
    def load(cls, path: Path = MODEL_FILE) -> "FrontalModel":
        with np.load(path) as arrays:
            weights = {name: arrays[name] for name in arrays.files}
        version = str(weights.pop("version"))
        return cls(
            version=version, **{name: part.astype(np.float32) for name, part in weights.items()}
        )


@cache
def released() -> FrontalModel:
    """The model beside this file, loaded once per process."""
    return FrontalModel.load()


def score(pixels: np.ndarray) -> float:
    """Log odds that (H, W) float32 0..1 shows an upright frontal chest, of either polarity."""
    model = released()
    return float(model.scores(measure(pixels, model.template)[None])[0])


def check(radiograph: Radiograph) -> GateScore:
    """Pass a frontal chest X-ray, raise BlankImage or NotAChestXray for anything else.

    Returns: the score, which NotAChestXray carries, too.

    Negatives, low contrast, borders and burned-in text pass. A chest that lies on its side or
    stands on its head is refused with that reason: the network has seen upright ones only.
    """
    if _contrast(radiograph.pixels) < MIN_CONTRAST:
        raise BlankImage(f"The image is blank, or very nearly so. {_SEND}")
    model = released()
    features = measure(radiograph.pixels, model.template)[None]
    odds = float(model.scores(features)[0])
    gate = GateScore(model.version, 1 / (1 + math.exp(-odds)))
    if radiograph.colourfulness > MAX_COLOUR:
        raise NotAChestXray(f"The image is a colour picture, not an X-ray. {_SEND}", gate)
    width, height = radiograph.width, radiograph.height
    if max(width, height) > MAX_STRETCHED * min(width, height):
        raise NotAChestXray(
            f"The image is far too long and narrow for a chest X-ray ({width} x {height} pixels). "
            f"{_SEND}",
            gate,
        )
    if _empty(features)[0] or odds < model.threshold:
        raise _rejection(radiograph.pixels, features, gate)
    return gate


def _empty(features: np.ndarray) -> np.ndarray:
    return np.maximum(features[:, BLACK], features[:, WHITE]) > MAX_EMPTY


def _contrast(pixels: np.ndarray) -> float:
    step = max(1, min(pixels.shape) // 128)
    sample = pixels[::step, ::step]
    hundredth = sample.size // 100
    ordered = np.partition(sample, (hundredth, -1 - hundredth), axis=None)
    return float(ordered[-1 - hundredth] - ordered[hundredth])


def _rejection(pixels: np.ndarray, features: np.ndarray, gate: GateScore) -> NotAChestXray:
    """The likely cause of a refusal, for the sender. Slower than the check: refusals are few."""
    if _empty(features)[0]:
        return NotAChestXray(
            "The image is mostly empty, like a page of text, a chart or a limb on a black "
            f"background. It is not a chest X-ray. {_SEND}",
            gate,
        )
    for turns, how in ((1, "to lie on its side"), (2, "upside down"), (3, "to lie on its side")):
        if score(np.rot90(pixels, turns)) >= released().threshold:
            words = f"This X-ray appears {how}. Turn it upright and send it again."
            return RotatedXray(words, gate)
    if released().calls_lateral(features)[0]:
        return LateralXray(
            "The image looks like a lateral chest X-ray. Send the frontal view (PA or AP).", gate
        )
    return NotAChestXray(
        "The image does not look like a frontal chest X-ray. Photographs, lateral views, slices "
        f"and other body parts are not supported. {_SEND}",
        gate,
    )
