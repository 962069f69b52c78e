"""The Keras engine without its search for the best batch.

The search compiles the network for each size that it tries, which takes far longer than what most
tests ask of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from model.artifact import Artifact


@contextmanager
def without_search() -> Iterator[None]:
    """Every Keras engine made meanwhile takes the smallest batch."""
    from model.engines.keras_engine import KerasEngine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KerasEngine, "_images_per_second", lambda engine, size: 1.0)
        yield


def keras_engine(artifact: Artifact, precision: str = "float32"):
    """The artifact's network in batches of eight."""
    from model.engines.keras_engine import KerasEngine

    with without_search():
        return KerasEngine(artifact, precision)
