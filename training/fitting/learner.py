"""What is fitted, compiled, and what is done after each of its epochs."""

from collections.abc import Sequence
from pathlib import Path

import keras

from model.networks import frozen_part, network_named, tail
from training.fitting.checkpoint import KeepWhole
from training.fitting.findings import Findings
from training.fitting.lungs import OutsideTheLungs
from training.fitting.recipe import Recipe
from training.fitting.reinforce import reinforced
from training.fitting.resuming import CHECKPOINT, HISTORY, GoOnWaiting


def learner_of(network: keras.Model, recipe: Recipe, steps: int) -> keras.Model:
    """What is fitted, compiled: from kept features, or fresh images, to probabilities.

    It shares its weights with `network`.
    """
    record = network_named(recipe.architecture)
    behind = network if recipe.fresh else tail(network, recipe.fine_tune)
    if recipe.fresh and record.frozen_until and not recipe.thaw:
        for layer in frozen_part(network).layers:
            layer.trainable = False
    for layer in record.imagenet_layers_of(behind):
        layer.trainable = layer.trainable and recipe.fine_tune
    inputs, probabilities = behind.inputs, behind.outputs[0]
    if recipe.lungs:
        attention = behind.outputs[network.output_names.index(record.lung_map)]
        lungs = keras.Input(attention.shape[1:], name="lungs")
        inputs = [*inputs, lungs]
        probabilities = OutsideTheLungs(recipe.lungs)([probabilities, attention, lungs])
    if recipe.findings:
        attention = behind.outputs[1]
        drawn = keras.Input(attention.shape[1:], name="drawn")
        inputs = [*inputs, drawn]
        probabilities = Findings(recipe.findings)([probabilities, attention, drawn])
    policy = record.policy
    learner = (
        reinforced(behind, policy) if policy is not None else keras.Model(inputs, probabilities)
    )
    learner.compile(
        optimizer=keras.optimizers.AdamW(
            _learning_rate(recipe, steps),
            weight_decay=recipe.weight_decay,
            global_clipnorm=5.0,
            use_ema=recipe.average > 0,
            ema_momentum=recipe.average,
        ),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing),
        weighted_metrics=["accuracy"],
    )
    return learner


def _learning_rate(recipe: Recipe, steps: int):
    if not recipe.cosine:
        return recipe.learning_rate
    rising = steps // 10
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - rising, warmup_target=recipe.learning_rate, warmup_steps=rising
    )


def callbacks(
    recipe: Recipe, out: Path, keep: KeepWhole, earlier: Sequence[float]
) -> list[keras.callbacks.Callback]:
    """What is done after each epoch. earlier: losses of the epochs before an interruption."""
    slower = keras.callbacks.ReduceLROnPlateau(
        factor=recipe.plateau, patience=recipe.plateau_patience or max(1, recipe.patience // 3)
    )
    stop = keras.callbacks.EarlyStopping(patience=recipe.patience)
    waiting = [stop] if recipe.cosine else [slower, stop]
    averaging = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if recipe.average else []
    return [
        *waiting,
        GoOnWaiting(waiting, earlier),
        # After what lowers the learning rate, and before the average takes the weights' place. The
        # checkpoint before it stays, since an interruption may fall into the writing of one.
        keras.callbacks.BackupAndRestore(
            out / CHECKPOINT, double_checkpoint=True, delete_checkpoint=False
        ),
        *averaging,
        keep,
        keras.callbacks.CSVLogger(out / HISTORY, append=bool(earlier)),
    ]
