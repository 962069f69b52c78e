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

# What is rounded, as LiteRT calls it: convolutions, and what may stand between two of them.
INT8_OPERATIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "PAD")
# Under a floor the averages add to a mean, which would pass for an addition of two branches.
HEAD = {"last_average", "middle_average", "pooled", "probabilities", "evidence"}


def int8_operations(network: keras.Model) -> tuple[str, ...]:
    """In a network with residual connections, ADD is theirs and as cheap in int8 as they are."""
    residual = any(isinstance(layer, keras.layers.Add) for layer in network.layers)
    return (*INT8_OPERATIONS, "ADD") if residual else INT8_OPERATIONS


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
    # Only here: it needs TensorFlow's converter, and export is the only one that needs it.
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

    exact = _float32_network(network)
    quantizer = Quantizer(exact)
    for name in int8_operations(network):
        quantizer.add_static_config(
            ".*", TFLOperationName(name), activation_num_bits=8, weight_num_bits=8
        )
    if exempt := float32_layers(network):
        quantizer.update_quantization_recipe(
            _of_layers(exempt), TFLOperationName.ALL_SUPPORTED, algorithm_key="no_quantize"
        )
    signature, name = _input_of(exact)
    with warnings.catch_warnings():
        # The interpreter warns that keeping every tensor costs memory: ranges need every tensor.
        warnings.simplefilter("ignore", UserWarning)
        ranges = quantizer.calibrate({signature: [{name: image[None]} for image in calibration]})
    rounded = quantizer.quantize(ranges, enable_progress_report=False)
    return bytes(rounded.quantized_model)


def _float32_network(network: keras.Model) -> bytes:
    # TensorFlow is the one thing in training that is bound to a backend.
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, verbose=False)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def _of_layers(names: set[str]) -> str:
    """Matches what the converter calls an operation of these layers.

    A name is NETWORK/LAYER/OPERATION, its parts may be numbered; where operations were fused,
    several such with semicolons between, the last operation first.
    """
    layers = "|".join(re.escape(name) for name in sorted(names))
    return rf"^[^/;]+/({layers})(_\d+)?[/;]"


def _input_of(content: bytes) -> tuple[str, str]:
    """Names of the signature and of its input."""
    from ai_edge_litert.interpreter import Interpreter

    ((signature, names),) = Interpreter(model_content=content).get_signature_list().items()
    (name,) = names["inputs"]
    return signature, name
