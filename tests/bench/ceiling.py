"""The ceiling: a plain loop that decodes and classifies, on all cores, with nothing around it."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from pathlib import Path

from model.artifact import load_artifact
from model.classifier import Classifier
from model.engines import load_engine
from model.errors import Rejection


def cores() -> int:
    return len(os.sched_getaffinity(0))


def ceiling_images_per_second(
    files: Sequence[Path], model: Path, workers: int | None = None, threads: int = 1
) -> float:
    """Every process is loaded and warm before the clock starts.

    model: folder of an artifact.
    workers: processes, one a core by default. threads: of each of them, in the network.
    """
    context = multiprocessing.get_context("spawn")
    workers = workers or cores()
    start, end = context.Barrier(workers + 1), context.Barrier(workers + 1)
    processes = [
        context.Process(target=_loop, args=(files[number::workers], model, threads, start, end))
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


def _loop(files: Sequence[Path], model: Path, threads: int, start, end) -> None:
    artifact = load_artifact(model)
    classifier = Classifier(artifact, load_engine(artifact, "cpu", threads))
    _classify(classifier, files[:1])
    start.wait()
    for first in range(0, len(files), classifier.batch_size):
        _classify(classifier, files[first : first + classifier.batch_size])
    end.wait()


def _classify(classifier: Classifier, files: Sequence[Path]) -> None:
    prepared = []
    for file in files:
        try:
            prepared.append(classifier.prepare(file))
        except Rejection:
            continue
    classifier.classify(prepared)
