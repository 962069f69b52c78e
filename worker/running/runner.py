"""The heart of a worker: claim a batch, prepare it, classify it, save its results.

While a batch is in the network, a thread beside it saves the results of the batch before, so that
the disk keeps nobody waiting. Where the network computes on a GPU, that thread saves pictures, too,
and another one claims and prepares the batch after. On a processor there is nothing to gain by
that: there is a worker for each core, and two threads that share one get in each other's way. Only
an image that was tried before, and so may have ended a worker, has the process for itself.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy.exc import OperationalError

from model.classifier import Classifier, Prepared, Result, timings_ms
from model.drawing.pictures import small_jpeg
from model.errors import Rejection
from model.reading.burned_in import text_boxes, without_text
from model.reading.radiograph import Radiograph
from worker.errors import FileDamaged, FileLocked
from worker.files.image_files import ImageFiles
from worker.files.locks import remove
from worker.patient_data import Changes, DataKey, FilmText
from worker.records.images import ImageStatus, MapRecord
from worker.records.work import Claim, FinishedImage, NewResult
from worker.running.pulse import Pulse
from worker.store import Store

log = logging.getLogger(__name__)

FILE_MISSING = (
    "file_missing",
    "The stored file is gone from the server's disk. Upload it again.",
)
FILE_LOCKED = (
    "file_locked",
    "The stored file is encrypted with a key that the server does not have now. Tell its operator, "
    "who sets CXR_FILES_KEY, then try again.",
)
FILE_DAMAGED = (
    "file_damaged",
    "The stored file was changed or cut off on the server's disk. Upload it again.",
)
INTERNAL_ERROR = (
    "internal_error",
    "The program failed on this file. Upload it again; if it fails again, report it.",
)
NOT_DEIDENTIFIED = (
    "not_deidentified",
    "The file is damaged or unusual, so what it says about the patient cannot be removed as "
    "this clinic demands. It was not kept. Export it again.",
)
# Refusals of files in which nobody can tell what they say.
UNKNOWN_CONTENT = ("unreadable", "unsupported_format")
SAVE_AGAIN_AFTER_S = 0.5
HOLD_RESULTS_S = 300.0
# The slowest decoder (JPEG 2000) reads some 3 MB a second; a smaller file takes a few seconds.
MAY_BE_SLOW_BYTES = 8_000_000


@dataclass(frozen=True)
class _Batch:
    """Images ready for the network, and the results of those that never get there.

    changes: what was done to their files, by the image. texts: text in their pictures.
    """

    claims: Sequence[Claim]
    prepared: Sequence[Prepared]
    refused: Sequence[FinishedImage] = ()
    pictures: Sequence[Future[None]] = ()
    changes: Mapping[int, Changes] = field(default_factory=dict)
    texts: Mapping[int, FilmText] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not self.claims and not self.refused

    @property
    def tried(self) -> bool:
        """Whether it is one that a worker began on before."""
        return any(claim.attempts > 1 for claim in self.claims)

    def noted(self, finished: FinishedImage) -> FinishedImage:
        """With what was done to its file, and what its picture shows besides."""
        changes = self.changes.get(finished.claim.image_id)
        if changes:
            finished = replace(finished, deidentified=changes.as_json())
        text = self.texts.get(finished.claim.image_id)
        return (
            replace(finished, facts=(finished.facts or {}) | text.as_json()) if text else finished
        )


class Runner:
    """Works off what waits in the store. One per process; not safe to share between threads.

    with_shadow: what it classifies waits for a shadow model after that.
    """

    def __init__(
        self,
        store: Store,
        files: ImageFiles,
        classifier: Classifier,
        pulse: Pulse,
        with_shadow: bool = False,
    ) -> None:
        self._store = store
        self._files = files
        self._classifier = classifier
        self._pulse = pulse  # beats at every step, from three threads
        self._with_shadow = with_shadow

    def run(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Work until nothing waits or `stop()`. What was claimed is always finished.

        Returns: how many results were saved. Raises OperationalError while the database is
        unreachable (results are held for some minutes), MemoryError when an image needs more than
        there is: the caller ends the process, and the image is tried alone.
        """
        saved = 0
        with (
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="behind") as behind,
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as ahead,
        ):
            while not (batch := self._next_batch(behind, in_hand=False)).empty:
                saved += self._work_off(batch, ahead, behind, stop)
                if stop():
                    break
        return saved

    def _work_off(
        self,
        batch: _Batch,
        ahead: ThreadPoolExecutor,
        behind: ThreadPoolExecutor,
        stop: Callable[[], bool],
    ) -> int:
        """This batch, and what can be done beside it and after it. Returns: results saved."""
        saved = 0
        saving: Future[int] | None = None
        while not batch.empty:
            # One that was tried before may end this process: nothing else must be in its hands.
            is_last = batch.tried or stop()
            beside = None
            if self._classifier.computes_elsewhere and not is_last:
                beside = ahead.submit(self._next_batch, behind, in_hand=True)
            finished = [*map(batch.noted, [*batch.refused, *self._classify(batch)])]
            if saving is not None:
                saved += saving.result()
            claims: Sequence[Claim] = ()
            try:
                # Before these results are saved: it would wait until they are on the disk.
                if not (is_last or beside or stop()):
                    claims = self._claim(in_hand=True)
            finally:
                saving = behind.submit(self._save, batch.pictures, finished)
            self._pulse.moved()
            batch = beside.result() if beside else self._prepared(claims, behind)
        return saved + saving.result()

    def _next_batch(self, behind: ThreadPoolExecutor, in_hand: bool) -> _Batch:
        return self._prepared(self._claim(in_hand), behind)

    def _claim(self, in_hand: bool) -> Sequence[Claim]:
        return self._pulse.claim(self._classifier.batch_size, in_hand)

    def _prepared(self, claimed: Sequence[Claim], behind: ThreadPoolExecutor) -> _Batch:
        claims, prepared, refused, pictures = [], [], [], []
        changes: dict[int, Changes] = {}
        texts: dict[int, FilmText] = {}

        def look(radiograph: Radiograph, claim: Claim, hides_text: bool) -> None:
            text = FilmText(text_boxes(radiograph.pixels), hides_text)
            texts[claim.image_id] = text
            if self._classifier.computes_elsewhere:
                pictures.append(behind.submit(self._keep_picture, claim, radiograph, text))
            else:
                self._keep_picture(claim, radiograph, text)

        cleaned = {claim.clinic_id for claim in claimed if claim.cleaned}
        keys = self._store.data_keys(cleaned) if cleaned else {}
        for claim in claimed:
            self._pulse.moved()
            key = keys.get(claim.clinic_id)
            hides_text = key is not None and key.hides_text
            result = self._deidentify(claim, key, changes) or self._prepare(
                claim, partial(look, claim=claim, hides_text=hides_text)
            )
            if isinstance(result, FinishedImage):
                unknown = key is not None and result.reason in UNKNOWN_CONTENT
                refused.append(replace(result, keeps_file=False) if unknown else result)
            else:
                claims.append(claim)
                prepared.append(result)
        return _Batch(claims, prepared, refused, pictures, changes, texts)

    def _deidentify(
        self, claim: Claim, key: DataKey | None, changes: dict[int, Changes]
    ) -> FinishedImage | None:
        """Take from the file what the clinic does not keep, and note it in `changes`.

        Returns: what became of the image when that is not possible.
        """
        if key is None:
            return None
        # pydicom's writer and the table of the profile, for those who need them.
        from worker.deidentify.files import NotDeidentified, deidentify_file

        try:
            with self._pulse.slow_step():
                done = deidentify_file(self._files, claim.file_key, key)
        except NotDeidentified as error:
            log.warning("image %d cannot be de-identified (%s)", claim.image_id, error)
            reason, message = NOT_DEIDENTIFIED
            return FinishedImage(
                claim, ImageStatus.REJECTED, reason=reason, message=message, keeps_file=False
            )
        except FileNotFoundError:
            return _failed(claim, *FILE_MISSING)
        except (FileLocked, FileDamaged) as error:
            return _unopened(claim, error)
        except OSError as error:
            log.error("image %d could not be de-identified (%s)", claim.image_id, error.strerror)
            return _failed(claim, *INTERNAL_ERROR)
        if done is not None:
            changes[claim.image_id] = done
        return None

    def _prepare(
        self, claim: Claim, look: Callable[[Radiograph], None]
    ) -> Prepared | FinishedImage:
        path = self._files.path(claim.file_key)
        try:
            content = self._files.read(path)
            if claim.attempts == 1 and len(content) < MAY_BE_SLOW_BYTES:
                return self._classifier.prepare(content, look, waived=claim.waived)
            with self._pulse.slow_step():
                return self._classifier.prepare(content, look, waived=claim.waived)
        except Rejection as rejection:
            return FinishedImage(
                claim=claim,
                status=ImageStatus.REJECTED,
                reason=rejection.code,
                message=rejection.message,
                gate=rejection.gate,
            )
        except FileNotFoundError:
            return _failed(claim, *FILE_MISSING)
        except (FileLocked, FileDamaged) as error:
            return _unopened(claim, error)
        except MemoryError:
            raise
        except Exception:
            log.exception("image %d could not be prepared", claim.image_id)
            return _failed(claim, *INTERNAL_ERROR)

    def _keep_picture(self, claim: Claim, radiograph: Radiograph, text: FilmText) -> None:
        """Save the small picture of an image. Without one the result stands all the same."""
        try:
            picture = self._files.small_picture(claim.file_key)
            shown = without_text(radiograph, text.boxes) if text.hidden else radiograph
            self._files.write(picture, small_jpeg(shown))
        except MemoryError:
            raise
        except Exception as error:
            log.warning("no picture of image %d (%s)", claim.image_id, type(error).__name__)

    def _classify(self, batch: _Batch) -> list[FinishedImage]:
        if not batch.claims:
            return []
        try:
            results = self._classifier.classify(batch.prepared)
        except MemoryError:
            raise
        except Exception:
            if len(batch.claims) == 1:
                log.exception("image %d could not be classified", batch.claims[0].image_id)
                return [_failed(batch.claims[0], *INTERNAL_ERROR)]
            # One of them may be at fault: find out which, and let the others pass.
            log.exception("a batch of %d could not be classified", len(batch.claims))
            return [
                finished_image
                for claim, prepared in zip(batch.claims, batch.prepared, strict=True)
                for finished_image in self._classify(_Batch([claim], [prepared]))
            ]
        return [
            _done(claim, prepared, result)
            for claim, prepared, result in zip(batch.claims, batch.prepared, results, strict=True)
        ]

    def _save(self, pictures: Sequence[Future[None]], finished: Sequence[FinishedImage]) -> int:
        """Save results, again and again while the database is unreachable: nobody can take the
        images meanwhile. Their pictures were begun before, in the same thread."""
        for picture in pictures:
            picture.result()
        for image in finished:
            if not image.keeps_file:
                # Before its row forgets it: after a crash in between, nothing of it is left.
                remove(self._files.path(image.claim.file_key))
        until = time.monotonic() + HOLD_RESULTS_S
        while True:
            self._pulse.moved()
            try:
                saved = self._store.save(finished, self._with_shadow)
                self._pulse.finished(saved)
                return saved
            except OperationalError as error:
                if time.monotonic() >= until:
                    raise
                log.warning("results wait for the database (%s)", type(error.orig).__name__)
                time.sleep(SAVE_AGAIN_AFTER_S)


class TimeSlice:
    """A `stop()` that turns true after `seconds`, or when `also` does."""

    def __init__(self, seconds: float, also: Callable[[], bool] = lambda: False) -> None:
        self._until = time.monotonic() + seconds
        self._also = also

    def __call__(self) -> bool:
        return self._also() or time.monotonic() >= self._until


def _unopened(claim: Claim, error: FileLocked | FileDamaged) -> FinishedImage:
    log.error("image %d: %s", claim.image_id, error)
    return _failed(claim, *(FILE_LOCKED if isinstance(error, FileLocked) else FILE_DAMAGED))


def _failed(claim: Claim, reason: str, message: str) -> FinishedImage:
    return FinishedImage(claim=claim, status=ImageStatus.FAILED, reason=reason, message=message)


def _done(claim: Claim, prepared: Prepared, result: Result) -> FinishedImage:
    return FinishedImage(
        claim=claim,
        status=ImageStatus.DONE,
        width=prepared.width,
        height=prepared.height,
        gate=prepared.gate,
        facts=prepared.facts.as_json(),
        patient=prepared.facts.patient,
        accession=prepared.facts.accession,
        result=new_result(prepared, result),
    )


def new_result(prepared: Prepared, result: Result) -> NewResult:
    """As the store keeps it."""
    return NewResult(
        model=result.model,
        label=result.label,
        probabilities=result.probabilities,
        uncertain=result.uncertain,
        maps=[MapRecord(name, grid, tuple(result.box)) for name, grid in result.maps.items()],
        timings_ms=timings_ms(prepared, result),
        uncertain_reasons=result.uncertain_reasons,
        triage=result.triage,
        film=result.film,
    )
