"""Numbers of a clinic's uploads week by week."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.support.results import MODEL, PROBABILITIES, done, work
from tests.support.rows import create_job, new_images
from worker.records.work import Claim, FinishedImage

LABELS = [*PROBABILITIES[0]]


def with_films(claim: Claim) -> FinishedImage:
    finished = done(claim)
    film = {"distance": claim.image_id / 10, "mean": 1.0}
    return replace(finished, result=replace(finished.result, film=film))


def test_films_are_counted_by_their_statistics(db, monkeypatch):
    store, clinic = db
    create_job(store, clinic.id, "job", new_images(4))
    work(store, 3, with_films)
    work(store, 1)  # as results were saved before
    edges = {"distance": (0.1, 0.2), "mean": (5.0,), "gate": (0.5, 0.95), "aspect": (0.9, 1.0)}
    since = datetime.now(UTC) - timedelta(days=7)
    (week,) = store.weeks(clinic.id, since, LABELS, edges={MODEL: edges})
    assert week.films == {
        "distance": (1, 1, 1),
        "mean": (3, 0),
        "gate": (0, 4, 0),
        "aspect": (0, 4, 0),
    }
    (week,) = store.weeks(clinic.id, since, LABELS, edges={"other-1.0.0": edges})
    assert week.films == {}
    monkeypatch.setattr("worker.store.weeks.MAX_FILMS", 2)  # of four: one in three
    (week,) = store.weeks(clinic.id, since, LABELS, edges={MODEL: edges})
    assert week.films["distance"] == (0, 0, 1)
    assert week.done == 4
