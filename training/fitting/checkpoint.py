"""The whole network in one file after every epoch: the best so far, and the last.

As the article keeps its model ("not just the weights"). `keras.saving.load_model` reads both files
once `model.networks` is imported, which registers the layers that Keras does not have.
"""

from pathlib import Path

import keras

BEST = "best.keras"
LAST = "last.keras"


class KeepWhole(keras.callbacks.Callback):
    """Writes LAST after every epoch, and BEST over the one before when `val_loss` is the least.

    network: what learns. whole: the same in float32, whose weights are overwritten and which is
    saved. least: the loss that an earlier run reached; its best stays until that is beaten.
    """

    def __init__(
        self, network: keras.Model, whole: keras.Model, out: Path, least: float | None = None
    ) -> None:
        super().__init__()
        self._network, self._whole, self._out = network, whole, out
        self._least = float("inf") if least is None else least

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._whole.set_weights(self._network.get_weights())
        self._save(LAST)
        if logs["val_loss"] < self._least:
            self._least = logs["val_loss"]
            self._save(BEST)

    def _save(self, name: str) -> None:
        """In one step, so that an interruption leaves the file of before."""
        unfinished = self._out / f".{name}"
        self._whole.save(unfinished)
        unfinished.replace(self._out / name)
