"""Many files to one verdict each, whatever is wrong with some of them.

While the network works on one batch, threads decode the files after it.
"""

import itertools
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from model.classifier import Classifier, Prediction, Prepared
from model.errors import Rejection
from model.sources import Source, SourceFailed

log = logging.getLogger(__name__)

DECODERS = 2  # threads; Pillow and numpy let go of the interpreter while they work
INTERNAL_ERROR = (
    "internal_error",
    "The program failed on this file. Try it again; if it fails again, report it.",
)


@dataclass(frozen=True)
class Verdict:
    """The outcome for one file: `done` with a prediction, else the reason and a sentence."""

    file: str
    status: Literal["done", "rejected", "failed"]
    reason: str | None = None
    message: str | None = None
    prediction: Prediction | None = None
    timings_ms: dict[str, float] | None = None


def judge(classifier: Classifier, sources: Iterable[Source]) -> Iterator[Verdict]:
    """One verdict per source, in their order, as soon as each is known. Never raises for a file."""
    sources = iter(sources)
    with ThreadPoolExecutor(DECODERS, thread_name_prefix="decode") as decoders:
        ahead: deque[tuple[str, Future[Prepared | Verdict]]] = deque()
        # The first image goes alone, so that the first answer comes at once.
        size = 1
        while True:
            wanted = size + classifier.batch_size + DECODERS - len(ahead)
            for source in itertools.islice(sources, max(0, wanted)):
                ahead.append((source.name, decoders.submit(_prepare, classifier, source)))
            if not ahead:
                return
            batch = [ahead.popleft() for _ in range(min(size, len(ahead)))]
            yield from _classify(classifier, [(name, future.result()) for name, future in batch])
            size = classifier.batch_size


def _prepare(classifier: Classifier, source: Source) -> Prepared | Verdict:
    try:
        if isinstance(source.content, Rejection | SourceFailed):
            raise source.content
        return classifier.prepare(source.content)
    except Rejection as rejection:
        return Verdict(source.name, "rejected", rejection.code, rejection.message)
    except SourceFailed as failure:
        return Verdict(source.name, "failed", failure.code, failure.message)
    except FileNotFoundError:
        return Verdict(source.name, "failed", "not_found", "The file went away. Try it again.")
    except Exception:
        log.exception("a file could not be prepared")
        return Verdict(source.name, "failed", *INTERNAL_ERROR)


def _classify(
    classifier: Classifier, batch: Sequence[tuple[str, Prepared | Verdict]]
) -> Iterator[Verdict]:
    ready = [(name, item) for name, item in batch if isinstance(item, Prepared)]
    predicted = iter(_predict(classifier, ready))
    for _, item in batch:
        yield next(predicted) if isinstance(item, Prepared) else item


def _predict(classifier: Classifier, ready: Sequence[tuple[str, Prepared]]) -> list[Verdict]:
    if not ready:
        return []
    try:
        predictions = classifier.classify([prepared for _, prepared in ready])
    except Exception:
        if len(ready) == 1:
            log.exception("a file could not be classified")
            return [Verdict(ready[0][0], "failed", *INTERNAL_ERROR)]
        # One of them may be at fault: find out which, and let the others pass.
        log.warning("a batch of %d failed and is tried one by one", len(ready))
        return [verdict for one in ready for verdict in _predict(classifier, [one])]
    return [
        Verdict(
            name,
            "done",
            prediction=prediction,
            timings_ms={
                "decode": round(prepared.decode_ms, 2),
                "gate": round(prepared.gate_ms, 2),
                "prepare": round(prepared.prepare_ms, 2),
                "infer": round(prediction.infer_ms, 2),
            },
        )
        for (name, prepared), prediction in zip(ready, predictions, strict=True)
    ]
