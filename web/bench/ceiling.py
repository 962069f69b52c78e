"""The ceiling: a plain loop that decodes and classifies, on all cores, with nothing around it."""

import multiprocessing
import os
import time
from collections.abc import Sequence
from pathlib import Path

from model.classifier import Classifier
from model.errors import Rejection


def ceiling_images_per_second(files: Sequence[Path]) -> float:
    """One process a core with one thread each, every process loaded and warm before the clock."""
    context = multiprocessing.get_context("spawn")
    cores = len(os.sched_getaffinity(0))
    start, end = context.Barrier(cores + 1), context.Barrier(cores + 1)
    processes = [
        context.Process(target=_loop, args=(files[number::cores], start, end))
        for number in range(cores)
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


def _loop(files: Sequence[Path], start, end) -> None:
    classifier = Classifier.load()
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
