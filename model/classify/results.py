"""Many files to one result each, whatever is wrong with some of them.

While the network works on one batch, threads decode the files after it.
"""

import itertools
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from model.classifier import Classifier, Prepared, Result, timings_ms
from model.classify.sources import Source, SourceFailed
from model.errors import Rejection
from model.scores import GateScore

log = logging.getLogger(__name__)

DECODERS = 2  # threads; Pillow and numpy let go of the interpreter while they work
INTERNAL_ERROR = (
    "internal_error",
    "The program failed on this file. Try it again; if it fails again, report it.",
)


@dataclass(frozen=True)
class FileResult:
    """The outcome for one file: `done` with a result, else the reason and a sentence.

    gate: what the gate said; None when it was not asked.
    """

    file: str
    status: Literal["done", "rejected", "failed"]
    reason: str | None = None
    message: str | None = None
    result: Result | None = None
    gate: GateScore | None = None
    timings_ms: dict[str, float] | None = None


def classify_files(classifier: Classifier, sources: Iterable[Source]) -> Iterator[FileResult]:
    """One result per source, in their order, as soon as each is known. Never raises for a file."""
    sources = iter(sources)
    with ThreadPoolExecutor(DECODERS, thread_name_prefix="decode") as decoders:
        ahead: deque[tuple[str, Future[Prepared | FileResult]]] = deque()
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


def _prepare(classifier: Classifier, source: Source) -> Prepared | FileResult:
    try:
        if isinstance(source.content, Rejection | SourceFailed):
            raise source.content
        return classifier.prepare(source.content)
    except Rejection as rejection:
        return FileResult(
            source.name, "rejected", rejection.code, rejection.message, gate=rejection.gate
        )
    except SourceFailed as failure:
        return FileResult(source.name, "failed", failure.code, failure.message)
    except FileNotFoundError:
        return FileResult(source.name, "failed", "not_found", "The file went away. Try it again.")
    except Exception:
        log.exception("a file could not be prepared")
        return FileResult(source.name, "failed", *INTERNAL_ERROR)


def _classify(
    classifier: Classifier, batch: Sequence[tuple[str, Prepared | FileResult]]
) -> Iterator[FileResult]:
    ready = [(name, item) for name, item in batch if isinstance(item, Prepared)]
    predicted = iter(_predict(classifier, ready))
    for _, item in batch:
        yield next(predicted) if isinstance(item, Prepared) else item


def _predict(classifier: Classifier, ready: Sequence[tuple[str, Prepared]]) -> list[FileResult]:
    if not ready:
        return []
    try:
        results = classifier.classify([prepared for _, prepared in ready])
    except Exception:
        if len(ready) == 1:
            log.exception("a file could not be classified")
            return [FileResult(ready[0][0], "failed", *INTERNAL_ERROR)]
        # One of them may be at fault: find out which, and let the others pass.
        log.warning("a batch of %d failed and is tried one by one", len(ready))
        return [file_result for one in ready for file_result in _predict(classifier, [one])]
    return [
        FileResult(
            name,
            "done",
            result=result,
            gate=prepared.gate,
            timings_ms=timings_ms(prepared, result),
        )
        for (name, prepared), result in zip(ready, results, strict=True)
    ]
