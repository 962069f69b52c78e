"""What is rounded to int8, and what is not."""

import numpy as np
import pytest

from tests.support.toys import toy_images

pytest.importorskip("tensorflow")

from ai_edge_litert.interpreter import Interpreter

from model.networks import build
from training.release.int8 import float32_layers, to_int8_network

SIZE = 32


def test_the_narrow_layers_in_front_stay_float32_and_the_wide_ones_do_not():
    network = build("efficientnet_attention", {"size": SIZE})
    images = list(toy_images(2, SIZE))
    interpreter = Interpreter(model_content=to_int8_network(network, images))

    # At the border the last float32 tensor is rounded for what follows, under a name of its own.
    kernels = {
        (layer, tensor["dtype"])
        for tensor in interpreter.get_tensor_details()
        for layer in ("block_stem", "block0", "block8", "block9", "block15", "block_head")
        if len(tensor["shape"]) == 4
        and f"/{layer}_" in tensor["name"].split(";")[0]
        and not tensor["name"].endswith("_quantized")
    }
    for layer in ("block_stem", "block0", "block8"):
        assert (layer, np.float32) in kernels
        assert (layer, np.int8) not in kernels
    for layer in ("block9", "block15", "block_head"):
        assert (layer, np.int8) in kernels


@pytest.mark.parametrize("architecture", ["vgg_attention", "vgg_baseline"])
def test_of_a_network_without_narrow_layers_all_are_rounded(architecture):
    assert float32_layers(build(architecture, {"size": SIZE})) == set()
