"""VGG16 with few filters, for tests in which no weight matters: the same layers and names."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import pytest

from model.networks import vgg

BLOCKS = tuple((filters // 4, convolutions) for filters, convolutions in vgg.BLOCKS)


@contextmanager
def narrow_vgg() -> Iterator[None]:
    """Every VGG16 that this process builds has a quarter of its filters, that of Keras too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg, "BLOCKS", BLOCKS)
        patch.setattr(keras.applications, "VGG16", _vgg16)
        yield


def _vgg16(include_top: bool, weights: str | None) -> keras.Model:
    """As `keras.applications.VGG16`, as far as it is used here."""
    assert not include_top
    network = keras.Sequential([keras.Input((None, None, 3)), *vgg.vgg_layers(final_pool=True)])
    if weights is not None:
        network.load_weights(weights)
    return network
