"""The int8 network for CPUs: the wide convolutions in int8, everything else in float32.

The wide convolutions are most of the arithmetic and do not mind rounding (Jacob et al. 2018, arXiv
1712.05877). The head does: a mean over a map, a quotient and a softmax in 256 steps cost twenty
times the error and save no time.
"""

import re
import tempfile
import warnings
from collections.abc import Sequence

import keras
import numpy as np

from model.networks import network_named

HEAD = {"pooled", "probabilities", "evidence"}
# Operations that only the head has. The head's 1x1 convolutions stay int8: they lose nothing.
FLOAT32_OPERATIONS = (
    "ADD",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "DIV",
    "ELU",
    "FULLY_CONNECTED",
    "LOGISTIC",
    "MAXIMUM",
    "MEAN",
    "MUL",
    "ONE_HOT",
    "REDUCE_MAX",
    "RESHAPE",
    "SOFTMAX",
    "STRIDED_SLICE",
    "SUM",
    "TOPK_V2",
)


def float32_operations(network: keras.Model) -> list[str]:
    """In a network with residual connections, ADD is theirs and as cheap in int8 as they are."""
    residual = any(isinstance(layer, keras.layers.Add) for layer in network.layers)
    return [name for name in FLOAT32_OPERATIONS if not (residual and name == "ADD")]


def float32_layers(network: keras.Model) -> set[str]:
    """Names of the layers in front whose convolutions are not rounded, and of those of the head
    that give out more than probabilities: evidence is small beside its range."""
    border = network_named(network.name).float32_until
    if border is None:
        return set()
    front = keras.Model(network.inputs, network.get_layer(border).output)
    return {layer.name for layer in front.layers} | HEAD


def to_int8_network(network: keras.Model, calibration: Sequence[np.ndarray]) -> bytes:
    """The network as a LiteRT file; float32 in and out.

    calibration: (S, S, 3) float32 images, from which the ranges of the activations are taken.
    Kernels have a scale per output channel, activations one per tensor.
    """
    # Only here: TensorFlow is the one thing in training that is bound to a backend.
    import tensorflow as tf

    def images():
        for image in calibration:
            yield [image[None]]

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Both interpreters below say that they are deprecated; it is not ours to change.
        warnings.simplefilter("ignore", UserWarning)
        network.export(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        exempt = _tensors_of(float32_layers(network), converter)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = images
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
        # The plain converter cannot leave single operations in float32; its debugger can.
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter,
            debug_dataset=images,
            debug_options=tf.lite.experimental.QuantizationDebugOptions(
                denylisted_ops=float32_operations(network),
                denylisted_nodes=exempt,
            ),
        )
        return debugger.get_nondebug_quantized_model()


def _tensors_of(layers: set[str], converter) -> list[str]:
    """Names that the converter gives to what these layers put out; it must not round yet.

    A name is NETWORK/LAYER/OPERATION, its parts may be numbered; where operations were fused,
    several such with semicolons between, the last operation first.
    """
    import tensorflow as tf

    exact = tf.lite.Interpreter(model_content=converter.convert())
    found = []
    for tensor in exact.get_tensor_details():
        _, layer, *_ = [*tensor["name"].split(";")[0].split("/"), ""]
        if layer in layers or re.sub(r"_\d+$", "", layer) in layers:
            found.append(tensor["name"])
    return found
