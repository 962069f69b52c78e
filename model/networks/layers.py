"""Layers that Keras does not have."""

import keras
from keras import ops

# A map may be zero everywhere; the quotient must not be.
EPSILON = 1e-6


def _rescaling(mean, floor: float):
    """What an average under a map of that mean is divided by."""
    return ops.maximum(mean + floor, EPSILON)


@keras.saving.register_keras_serializable("cxr")
class MaskedAveragePooling(keras.layers.Layer):
    """Average of the features where the attention map is, rescaled by the map's own mean.

    Inputs: features (N, H, W, C) and map (N, H, W, 1), 0..1. Output: (N, C).
    A map that is equal everywhere gives the plain average; a small map is not a small output,
    because the average of the masked features is divided by the average of the map.

    floor: added to the map's mean, 0..1. Above 0, a map that is all but empty is a small output:
    where nothing is attended to, nothing is said, and what comes after falls back on its bias.
    """

    def __init__(self, floor: float = 0.0, **options) -> None:
        super().__init__(**options)
        self.floor = floor

    def call(self, inputs):
        features, attention = inputs
        # In float32: a sum over many pixels loses too much in half precision.
        features = ops.cast(features, "float32")
        attention = ops.cast(attention, "float32")
        masked = ops.mean(features * attention, axis=(1, 2))
        return masked / _rescaling(ops.mean(attention, axis=(1, 2)), self.floor)

    def get_config(self):
        return super().get_config() | {"floor": self.floor}

    def compute_output_shape(self, input_shape):
        features, _ = input_shape
        return (features[0], features[-1])


@keras.saving.register_keras_serializable("cxr")
class ClassesWithEvidence(keras.layers.Dense):
    """Dense layer over masked averages that also tells what each position adds to each class.

    A masked average is a sum over positions, and so is a linear function of it: the evidence is
    that sum before it is summed up (class activation maps of Zhou et al. 2016, arXiv 1512.04150,
    under attention). Softmax does not see what all logits have in common, so each class is taken
    against the mean of all classes: summed over its positions, the map of class k is
    log p_k - mean_j log p_j, less the same difference of the biases.

    Inputs: pooled (N, C); then, in the order of their channels in `pooled` and the finest last,
    features (N, h, w, c) and attention (N, h, w, 1) of each MaskedAveragePooling.
    Outputs: what Dense gives, (N, K); evidence (N, K, H, W) float32, signed, at the finest h and w,
    which the others divide. floor: that of every MaskedAveragePooling.
    """

    def __init__(self, units: int, floor: float = 0.0, **options) -> None:
        super().__init__(units, **options)
        self.floor = floor
        # Dense would expect one input, before it is built and after.
        self.input_spec = None

    def build(self, input_shape):
        super().build(input_shape[0])
        self.input_spec = None

    def call(self, inputs, training=None):
        pooled, *parts = inputs
        kernel = self.kernel - ops.mean(self.kernel, axis=1, keepdims=True)
        height, width = parts[-1].shape[1:3]
        begin, grids = 0, []
        for features, attention in zip(parts[::2], parts[1::2], strict=True):
            rows, columns, channels = features.shape[1:]
            mean = ops.mean(attention, axis=(1, 2), keepdims=True)
            total = rows * columns * _rescaling(mean, self.floor)
            added = ops.matmul(features, kernel[begin : begin + channels]) * attention / total
            if (rows, columns) != (height, width):
                # One coarse cell becomes several fine ones, which share what it adds.
                added = ops.image.resize(added, (height, width), interpolation="nearest")
                added = added * (rows * columns / (height * width))
            begin += channels
            grids.append(added)
        evidence = ops.transpose(sum(grids[1:], grids[0]), (0, 3, 1, 2))
        return super().call(pooled), evidence

    def get_config(self):
        return super().get_config() | {"floor": self.floor}

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape[-1]
        return (batch, self.units), (batch, self.units, height, width)

    def compute_output_spec(self, inputs, training=None):
        shapes = self.compute_output_shape([part.shape for part in inputs])
        return tuple(keras.KerasTensor(shape, dtype="float32") for shape in shapes)
