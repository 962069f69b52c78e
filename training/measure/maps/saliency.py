"""Whether a map tells what decides: Grad-CAM to compare with, and figures that need no boxes."""

from collections.abc import Sequence

import keras
import numpy as np
from scipy.ndimage import gaussian_filter

from model.engines import Engine
from model.networks import network_named

STEPS = 10
# Of the picture's side: what is taken away is blurred, because black squares are news to a network.
BLUR = 1 / 12
BATCH = 32
# Of the picture's side: brightest points further apart than this show different places.
APART = 0.15


def grad_cam(network: keras.Model, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Selvaraju et al. 2017 (arXiv 1610.02391), on the last convolution.

    images: (N, S, S, 3). targets: (N,) int, the classes asked about. Returns: (N, h, w) float32, 0
    or more.
    """
    import tensorflow as tf

    last = network_named(network.name).imagenet_layers_of(network)[-1]
    both = keras.Model(network.input, [last.output, network.outputs[0]])
    found = []
    for begin in range(0, len(images), BATCH):
        part = slice(begin, begin + BATCH)
        with tf.GradientTape() as tape:
            features, probabilities = both(images[part], training=False)
            logs = tf.math.log(probabilities + keras.config.epsilon())
            chosen = tf.gather(logs, targets[part], axis=1, batch_dims=1)
            # Softmax does not tell logits, but this is one up to what all classes share.
            score = chosen - tf.reduce_mean(logs, axis=1)
        slopes = tape.gradient(score, features)
        weights = tf.reduce_mean(slopes, axis=(1, 2), keepdims=True)
        found.append(tf.nn.relu(tf.reduce_sum(weights * features, axis=-1)).numpy())
    return np.concatenate(found)


def curves(engine: Engine, image: np.ndarray, grid: np.ndarray, target: int) -> tuple[float, float]:
    """Areas under deletion and insertion (Petsiuk et al. 2018, arXiv 1806.07421), 0..1.

    The cells of the map, the highest first, are blurred out of the picture, or put back into a
    blurred one, a tenth at a time; the area is the mean probability of the class on the way. A map
    that tells what decides has a small one for deletion and a large one for insertion.

    image: (S, S, 3), as prepared. grid: (h, w). target: index of the class.
    """
    size = image.shape[0]
    # In the network's own values, whatever they are made of.
    blurred = gaussian_filter(image, (BLUR * size, BLUR * size, 0))
    order = np.argsort(-grid, axis=None, kind="stable")
    ranks = np.empty(grid.size, int)
    ranks[order] = np.arange(grid.size)
    ranks = ranks.reshape(grid.shape)
    rows, columns = (np.arange(size) * cells // size for cells in grid.shape)
    fine = ranks[rows][:, columns]
    pictures = []
    for step in range(STEPS + 1):
        taken = (fine < grid.size * step / STEPS)[..., None]
        pictures += [np.where(taken, blurred, image), np.where(taken, image, blurred)]
    way = engine.predict(np.stack(pictures)).probabilities[:, target].reshape(STEPS + 1, 2)
    deletion, insertion = np.trapezoid(way, dx=1 / STEPS, axis=0)
    return float(deletion), float(insertion)


def moves(grids: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> np.ndarray:
    """(N,) bool: the brightest points of two maps of an image are apart. Maps: (h, w)."""
    return np.array(
        [
            np.hypot(*(_brightest(one) - _brightest(other))) > APART
            for one, other in zip(grids, others, strict=True)
        ]
    )


def _brightest(grid: np.ndarray) -> np.ndarray:
    place = np.array(np.unravel_index(grid.argmax(), grid.shape))
    return (place + 0.5) / grid.shape
