"""A recipe's network: untrained, with ImageNet's weights, or as a run has trained it."""

from pathlib import Path

import keras

from model.networks import build, network_named
from training.errors import TrainingError
from training.fitting.checkpoint import BEST
from training.fitting.recipe import Recipe


def in_precision(policy: str, recipe: Recipe) -> keras.Model:
    """The recipe's network, untrained, under a Keras dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return build(recipe.architecture, recipe.network_config)
    finally:
        keras.config.set_dtype_policy(before)


def with_imagenet(policy: str, recipe: Recipe) -> keras.Model:
    network = in_precision(policy, recipe)
    network_named(recipe.architecture).load_imagenet(network)
    return network


def trained_network(run: Path, recipe: Recipe) -> keras.Model:
    """The recipe's whole float32 network with the best weights of a training run's output folder.

    It is built anew and takes the weights layer by layer, so that it also has what the network
    learned to give out since it was trained.
    Raises TrainingError when there are no weights, or they are of another network.
    """
    if not (run / BEST).is_file():
        raise TrainingError(
            f"There is no trained network in {run}: it has no {BEST}. "
            "An interrupted run goes on with `cxr train --resume`."
        )
    saved = keras.models.load_model(run / BEST, compile=False)
    whole = in_precision("float32", recipe)
    try:
        for layer in whole.layers:
            if layer.weights:
                layer.set_weights(saved.get_layer(layer.name).get_weights())
    except ValueError as error:
        raise TrainingError(
            f"{run / BEST} does not hold a network of the recipe {recipe.name}: {error}"
        ) from None
    return whole
