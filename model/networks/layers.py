"""Layers that Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("cxr")
class MaskedAveragePooling(keras.layers.Layer):
    """Average of the features where the attention map is, rescaled by the map's own mean.

    Inputs: features (N, H, W, C) and map (N, H, W, 1), 0..1. Output: (N, C).
    A map that is nowhere zero anywhere equal gives the plain average; a small map is not a small
    output, because the average of the masked features is divided by the average of the map.
    """

    # A map may be zero everywhere; the quotient must not be.
    epsilon = 1e-6

    def call(self, inputs):
        features, attention = inputs
        # In float32: a sum over many pixels loses too much in half precision.
        features = ops.cast(features, "float32")
        attention = ops.cast(attention, "float32")
        masked = ops.mean(features * attention, axis=(1, 2))
        return masked / ops.maximum(ops.mean(attention, axis=(1, 2)), self.epsilon)

    def compute_output_shape(self, input_shape):
        features, _ = input_shape
        return (features[0], features[-1])
