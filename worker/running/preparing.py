"""Each image before the network sees it: its file is read, loses what the clinic does not keep, and
is decoded; text is looked for, and the small picture saved."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import partial

from model.classifier import Classifier, Prepared
from model.drawing.pictures import small_jpeg
from model.errors import Rejection
from model.reading.burned_in import text_boxes, without_text
from model.reading.radiograph import Radiograph
from worker.errors import FileDamaged, FileLocked
from worker.files.image_files import ImageFiles
from worker.liveness.pulse import Pulse
from worker.patient_data import Changes, DataKey, FilmText
from worker.records.work import Claim, FinishedImage
from worker.running.finished import (
    FILE_DAMAGED,
    FILE_LOCKED,
    FILE_MISSING,
    INTERNAL_ERROR,
    failed,
    not_deidentified,
    rejected,
)
from worker.store import Store

log = logging.getLogger(__name__)

# Refusals of files in which nobody can tell what they say.
UNKNOWN_CONTENT = ("unreadable", "unsupported_format")
# The slowest decoder (JPEG 2000) reads some 3 MB a second; a smaller file takes a few seconds.
MAY_BE_SLOW_BYTES = 8_000_000


@dataclass(frozen=True)
class Batch:
    """Images ready for the network, and the results of those that never get there.

    pictures: what is still being saved of them. changes: what was done to their files, by the
    image. texts: text in their pictures.
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


class Preparer:
    """Makes batches of what was claimed. One file that cannot be prepared never costs another."""

    def __init__(
        self, store: Store, files: ImageFiles, classifier: Classifier, pulse: Pulse
    ) -> None:
        self._store = store
        self._files = files
        self._classifier = classifier
        self._pulse = pulse

    def batch(self, claimed: Sequence[Claim], behind: Executor | None = None) -> Batch:
        """behind: what saves small pictures meanwhile; None: they are saved at once.

        Raises MemoryError when an image needs more than there is.
        """
        claims, prepared, refused, pictures = [], [], [], []
        changes: dict[int, Changes] = {}
        texts: dict[int, FilmText] = {}

        def look(radiograph: Radiograph, claim: Claim, hides_text: bool) -> None:
            text = FilmText(text_boxes(radiograph.pixels), hides_text)
            texts[claim.image_id] = text
            if behind is not None:
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
        return Batch(claims, prepared, refused, pictures, changes, texts)

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
                cleaned = deidentify_file(self._files, claim.file_key, key)
        except NotDeidentified as error:
            log.warning("image %d cannot be de-identified (%s)", claim.image_id, error)
            return not_deidentified(claim)
        except FileNotFoundError:
            return failed(claim, FILE_MISSING)
        except (FileLocked, FileDamaged) as error:
            return _unopened(claim, error)
        except OSError as error:
            log.error("image %d could not be de-identified (%s)", claim.image_id, error.strerror)
            return failed(claim, INTERNAL_ERROR)
        if cleaned is not None:
            changes[claim.image_id] = cleaned
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
            return rejected(claim, rejection)
        except FileNotFoundError:
            return failed(claim, FILE_MISSING)
        except (FileLocked, FileDamaged) as error:
            return _unopened(claim, error)
        except MemoryError:
            raise
        except Exception:
            log.exception("image %d could not be prepared", claim.image_id)
            return failed(claim, INTERNAL_ERROR)

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


def _unopened(claim: Claim, error: FileLocked | FileDamaged) -> FinishedImage:
    log.error("image %d: %s", claim.image_id, error)
    return failed(claim, FILE_LOCKED if isinstance(error, FileLocked) else FILE_DAMAGED)
