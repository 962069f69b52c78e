"""Which layers stay float32; `test_recipes.py` looks at what became of them."""

import pytest

pytest.importorskip("tensorflow")

from model.networks import build
from training.release.int8 import float32_layers


@pytest.mark.parametrize("architecture", ["vgg_attention", "vgg_baseline"])
def test_of_a_network_without_narrow_layers_all_are_rounded(architecture):
    assert float32_layers(build(architecture, {"size": 32})) == set()
