"""Batches to learn from: of kept features, or of images that are made anew in every epoch.

Those are made by as many processes as there are cores: changing an image takes the processor longer
than a graphics card takes to learn from it.
"""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass

import keras
import numpy as np

from training.fitting.features import Features
from training.fitting.findings import Drawn, nothing_drawn
from training.fitting.images import Images, random_of

# Images, and maps of what was drawn on them where that is taught.
Batch = np.ndarray | tuple[np.ndarray, np.ndarray]

# With fewer images the processes would take longer to start than they save.
FEW = 1000


@dataclass(frozen=True)
class Inputs:
    """What a network learns from: images, and what radiologists drew on them, if that is taught."""

    images: Images
    drawn: Drawn | None = None

    def plain(self, numbers: Sequence[int]) -> Batch:
        """Images as they are served, (N, S, S, 3) float32; maps (N, h, w) that ask for nothing."""
        images = np.stack([self.images.plain(number) for number in numbers])
        if self.drawn is None:
            return images
        return images, nothing_drawn(len(numbers), self.drawn.cells)

    def changed(self, numbers: Sequence[int], epoch: int) -> Batch:
        """The same, changed; the same for the same epoch. With maps of what was drawn."""
        images = np.stack([self.images.changed(n, random_of(epoch, n)) for n in numbers])
        if self.drawn is None:
            return images
        return images, np.stack([self.drawn.map(n, random_of(epoch, n)) for n in numbers])


class Makers:
    """The processes, or one thread, that make the batches of several inputs.

    They are started and not forked: a fork would share the locks and the graphics card of the
    process that learns.
    """

    def __init__(self, *inputs: Inputs) -> None:
        self.count = len(os.sched_getaffinity(0)) if sum(len(i.images) for i in inputs) > FEW else 1
        self._pool: Executor = (
            ProcessPoolExecutor(self.count, multiprocessing.get_context("spawn"), _begin, (inputs,))
            if self.count > 1
            else ThreadPoolExecutor(1, "maker", _begin, (inputs,))
        )

    def __enter__(self) -> "Makers":
        return self

    def __exit__(self, *_) -> None:
        self._pool.shutdown(cancel_futures=True)

    def make(self, which: int, numbers: Sequence[int], epoch: int | None) -> Batch:
        """Of the inputs of that place, plain ones if there is no epoch. Blocks until made."""
        return self._pool.submit(_make, which, numbers, epoch).result()


class FreshBatches(keras.utils.PyDataset):
    """Batches of (inputs, shares of labels, weights) of one of the makers' inputs.

    seed: of the order, which changes with every epoch (`begin`) as the images do; None: what is
    judged, as it is served, in its own order and to the last image.
    """

    def __init__(
        self,
        makers: Makers,
        which: int,
        truth: np.ndarray,
        weights: np.ndarray,
        batch: int,
        seed: int | None,
    ) -> None:
        # Threads only wait for the makers, with a batch ahead of each.
        super().__init__(workers=makers.count, max_queue_size=2 * makers.count)
        self._makers, self._which, self._batch = makers, which, batch
        self._truth, self._weights = truth, weights
        self._seed = seed
        self._order = np.arange(len(weights))
        self._epoch: int | None = None
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """The order and the images of this epoch."""
        if self._seed is not None:
            self._epoch = epoch
            self._order = order_of(self._seed, epoch).permutation(len(self._weights))

    def __len__(self) -> int:
        whole = len(self._weights) // self._batch
        return whole if self._seed is not None else -(-len(self._weights) // self._batch)

    def __getitem__(self, number: int):
        chosen = self._order[number * self._batch : (number + 1) * self._batch]
        inputs = self._makers.make(self._which, chosen, self._epoch)
        return inputs, self._truth[chosen], self._weights[chosen]


class FeatureBatches(keras.utils.PyDataset):
    """Batches of (features, shares of labels, weights); of each image one of its copies."""

    def __init__(
        self,
        copies: Sequence[Features],
        truth: np.ndarray,
        weights: np.ndarray,
        batch: int,
        seed: int,
    ) -> None:
        super().__init__()
        self._copies, self._weights, self._batch = copies, weights, batch
        self._truth, self._seed = truth, seed
        self.begin(0)

    def begin(self, epoch: int) -> None:
        """The order and the copies of this epoch."""
        random = order_of(self._seed, epoch)
        self._order = random.permutation(len(self._weights))
        self._choice = random.integers(0, len(self._copies), len(self._weights))

    def __len__(self) -> int:
        return len(self._weights) // self._batch

    def __getitem__(self, number: int):
        # Sorted, because the features lie on disk in that order.
        chosen = np.sort(self._order[number * self._batch : (number + 1) * self._batch])
        rows = [[part[n] for part in self._copies[self._choice[n]]] for n in chosen]
        features = tuple(np.stack(part) for part in zip(*rows, strict=True))
        return features, self._truth[chosen], self._weights[chosen]


def order_of(seed: int, epoch: int) -> np.random.Generator:
    """What orders the batches of an epoch, from its start."""
    return np.random.default_rng((seed, epoch))


class EpochByEpoch(keras.callbacks.Callback):
    """Gives each epoch its own batches, also when training resumes in the middle.

    Keras does not tell a data set which epoch it is in, and counts none that an earlier run did.
    """

    def __init__(self, batches: FreshBatches | FeatureBatches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._batches.begin(epoch)


# Of this process, or of the only maker's thread.
_inputs: tuple[Inputs, ...] = ()


def _begin(inputs: tuple[Inputs, ...]) -> None:
    global _inputs
    _inputs = inputs


def _make(which: int, numbers: Sequence[int], epoch: int | None) -> Batch:
    inputs = _inputs[which]
    return inputs.plain(numbers) if epoch is None else inputs.changed(numbers, epoch)
