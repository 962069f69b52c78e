"""EfficientNet-Lite0: Tan and Le 2019 (arXiv 1905.11946), without what int8 does not bear.

A twentieth of VGG16's arithmetic. The "Lite" variants have no squeeze-and-excitation, and ReLU6 for
swish, so that their activations keep to ranges that eight bits resolve.
"""

from typing import NamedTuple

from keras import layers

from model.input.preprocess import IMAGENET_MEAN_BGR

# Its images were 0..255, minus 127, divided by 128.
CENTRE, SCALE = 127.0, 128.0
STRIDE = 32


class Stage(NamedTuple):
    """repeats: blocks. kernel, stride: of the depthwise convolution (the stride, of the first
    block's). expansion: of the channels inside a block. filters: channels that it hands on.
    """

    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


# Table 1 of the paper.
STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
BLOCKS = sum(stage.repeats for stage in STAGES)


def lite_features(inputs, drop_path: float):
    """Its convolutions, all named `block…`, numbered as in the weights' file.

    inputs: (N, S, S, 3), BGR, mean-centred, as `model.input.preprocess` makes them; S a multiple of
        32.
    drop_path: how often the last block is skipped in training, 0..1; the others less.
    Returns: features (N, S/16, S/16, 112) of the fifth stage, and (N, S/32, S/32, 1280) at the end.
    Raises ValueError for another S.
    """
    if inputs.shape[1] % STRIDE:
        raise ValueError(
            f"The input must have a multiple of {STRIDE} pixels a side. Received: {inputs.shape[1]}"
        )
    offset = [float(mean - CENTRE) / SCALE for mean in IMAGENET_MEAN_BGR]
    x = layers.Rescaling(1 / SCALE, offset, name="rescaled")(inputs)
    x = _convolution(x, 32, 3, "block_stem", stride=2)
    number, middle = 0, None
    for index, stage in enumerate(STAGES):
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            x = _block(x, number, stage, stride, drop_path * number / BLOCKS)
            number += 1
        if index == 4:
            middle = x
    return middle, _convolution(x, 1280, 1, "block_head")


def _block(inputs, number: int, stage: Stage, stride: int, drop_path: float):
    """An inverted residual block (Sandler et al. 2018, arXiv 1801.04381)."""
    name, channels = f"block{number}", inputs.shape[-1]
    x = inputs
    if stage.expansion > 1:
        x = _convolution(x, channels * stage.expansion, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        stage.kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(_normalised(x, f"{name}_depthwise"))
    x = layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = _normalised(x, f"{name}_project")
    if stride > 1 or channels != stage.filters:
        return x
    if drop_path:
        x = layers.Dropout(drop_path, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(x)
    return layers.Add(name=f"{name}_sum")([inputs, x])


def _convolution(x, filters: int, kernel: int, name: str, stride: int = 1):
    x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(_normalised(x, name))


def _normalised(x, name: str):
    return layers.BatchNormalization(momentum=0.97, epsilon=1e-3, name=f"{name}_norm")(x)
