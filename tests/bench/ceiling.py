"""The ceiling: a plain loop that decodes and classifies, on all cores, with nothing around it."""

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from model.artifact import load_artifact
from model.classifier import Classifier
from model.drawing.pictures import small_jpeg
from model.engines import load_engine
from model.errors import Rejection
from model.reading.burned_in import text_boxes
from model.reading.radiograph import Radiograph


def cores() -> int:
    return len(os.sched_getaffinity(0))


def ceiling_images_per_second(
    files: Sequence[Path],
    model: Path,
    workers: int | None = None,
    threads: int = 1,
    pictures: bool = False,
) -> float:
    """Every process is loaded and warm before the clock starts.

    model: folder of an artifact.
    workers: processes, one a core by default. threads: of each of them, in the network.
    pictures: what else a worker does with a film: look for text, and draw the small picture.
    """
    context = multiprocessing.get_context("spawn")
    workers = workers or cores()
    start, end = context.Barrier(workers + 1), context.Barrier(workers + 1)
    processes = [
        context.Process(
            target=_loop, args=(files[number::workers], model, threads, pictures, start, end)
        )
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    start.wait()
    began = time.perf_counter()
    end.wait()
    elapsed_s = time.perf_counter() - began
    for process in processes:
        process.join()
    return len(files) / elapsed_s


def _loop(files: Sequence[Path], model: Path, threads: int, pictures: bool, start, end) -> None:
    look = _look if pictures else _pass
    artifact = load_artifact(model)
    classifier = Classifier(artifact, load_engine(artifact, "cpu", threads))
    _classify(classifier, files[:1], look)
    start.wait()
    for first in range(0, len(files), classifier.batch_size):
        _classify(classifier, files[first : first + classifier.batch_size], look)
    end.wait()


def _look(radiograph: Radiograph) -> None:
    text_boxes(radiograph.pixels)
    small_jpeg(radiograph)


def _pass(_: Radiograph) -> None:
    """The plain loop does nothing else with a film."""


def _classify(
    classifier: Classifier, files: Sequence[Path], look: Callable[[Radiograph], None]
) -> None:
    prepared = []
    for file in files:
        try:
            prepared.append(classifier.prepare(file, look))
        except Rejection:
            continue
    classifier.classify(prepared)
