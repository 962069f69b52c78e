"""Clinics: their numbers, and what they keep."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime

from worker.records.images import ImageStatus


@dataclass(frozen=True)
class ClinicRecord:
    id: int
    name: str


@dataclass(frozen=True)
class ClinicNumbers:
    """How much a clinic sends, for the operator of the system, and for how many days its files and
    jobs are kept; None: forever."""

    name: str
    jobs: int
    images: int
    waiting: int
    running: int
    failed: int
    rejected: int
    last_upload_at: datetime | None
    keep_files_days: int | None
    keep_jobs_days: int | None


@dataclass(frozen=True)
class WaitingNumbers:
    """Images of a clinic that wait. oldest_at: when the oldest of them was uploaded."""

    clinic: str
    urgent: bool
    images: int
    oldest_at: datetime


@dataclass(frozen=True)
class ReasonNumbers:
    """Images that were rejected or failed for one reason, in how many clinics."""

    status: ImageStatus
    reason: str
    images: int
    clinics: int


@dataclass(frozen=True)
class RetriedNumbers:
    """What came of a retry across clinics, by the clinic's id.

    waiting: images that wait again; left: images that stay failed, since as many images of their
    clinic wait as may.
    """

    waiting: Counter[int]
    left: Counter[int]


@dataclass(frozen=True)
class WeekNumbers:
    """What one model said about a clinic's uploads of one week, which begins on the day `week`.

    rejected: images that never got a result. labels: how many results have each. confidence: sum of
    the probabilities of the results' labels. suspicions: how many results have their suspicion
    (`worker.reading_order`) in each tenth, low to high. compared: results that tell why they are
    uncertain, if they are; unlike_training: those of them whose X-ray is unlike the training films
    (`model.doubt`). reviewed, disagreed: images that readers reviewed, and those that one of them
    gave another label. films: of statistics of films (`model.films`), how many films are in each of
    the bins that were asked for.
    """

    week: date
    model: str
    done: int
    rejected: int
    labels: dict[str, int]
    uncertain: int
    confidence: float
    suspicions: tuple[int, ...]
    compared: int
    unlike_training: int
    reviewed: int
    disagreed: int
    films: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ShadowNumbers:
    """What the model `shadow` said about films of a clinic whose results are from `model`.

    counts: how often `model` gave one label and the shadow another, or the same. differences: by
    label that both know, the mean of the shadow's probability less the other's, -1..1; distances:
    the mean of its size, 0..1.
    """

    model: str
    shadow: str
    counts: Counter[tuple[str, str]]
    differences: dict[str, float]
    distances: dict[str, float]


MAX_KEPT_DAYS = 36_500


@dataclass(frozen=True)
class Retention:
    """Days after the end of a job for which what belongs to it is kept; 0: until the sweeper's next
    round.

    files: uploaded X-rays; None: as long as the job. pictures: small ones of them; None: as long as
    the X-rays. maps: None: as long as the job. jobs: with their results; None: forever.
    """

    files: int | None = None
    pictures: int | None = None
    maps: int | None = None
    jobs: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError when pictures are to go before the X-rays: they would be drawn again
        whenever somebody looks."""
        if self.pictures is not None and (self.files is None or self.pictures < self.files):
            raise ValueError(
                "Pictures are kept at least as long as the X-rays that they are drawn from. "
                f"Received: X-rays {_days(self.files)}, pictures {_days(self.pictures)}."
            )

    @property
    def pictures_outlive_files(self) -> bool:
        return self.pictures is not None and self.pictures > (self.files or 0)

    def as_detail(self) -> dict[str, str | int]:
        """For the audit trail."""
        kinds = asdict(self).items()
        return {f"keep_{kind}_days": "all" if days is None else days for kind, days in kinds}


def _days(days: int | None) -> str:
    return "as long as the job" if days is None else f"{days} days"


@dataclass(frozen=True)
class RetentionRecord:
    """Of one clinic."""

    clinic_id: int
    clinic_name: str
    keeps: Retention
