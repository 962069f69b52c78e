"""Pages that are read: the model, and help."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache

from apiflask import APIBlueprint
from flask import render_template

from model.artifact import Artifact, load_artifact
from model.errors import ModelError
from model.films import histograms
from web.auth.permissions import permits, signed_in
from web.auth.requests import clinic_id
from web.language.words import REASONS, STATES
from web.services import services
from web.showing.agreement import agreement
from web.showing.blind import viewer
from web.showing.drift import FILM_STATISTICS, MIN_RESULTS, FilmReference, drift
from web.showing.shadows import shadow_agreement
from worker.access import Scope
from worker.store import MAX_SHADOWS

DRIFT_WEEKS = 26
blueprint = APIBlueprint("reading", __name__, enable_openapi=False)


@blueprint.get("/model")
@permits(Scope.READ)
def model():
    store, card = services().store, _card()
    known_to = viewer().known_to
    films = {one.version: _films(one) for one in (*_others_at_hand(), card)}
    counts = store.agreement(clinic_id(), known_to=known_to)
    since = datetime.now(UTC) - timedelta(weeks=DRIFT_WEEKS)
    at_work = Counter(worker.model for worker in store.workers_up())
    return render_template(
        "model.html",
        card=card,
        at_work=dict(at_work.most_common()),
        agreements={
            name: agreement(found, _labels(card, name, found)) for name, found in counts.items()
        },
        shadows=[
            shadow_agreement(found, _labels(card, found.model, found.counts))
            for found in store.shadows(clinic_id(), known_to)
        ],
        max_shadows=MAX_SHADOWS,
        drifts=drift(
            store.weeks(
                clinic_id(),
                since,
                store.labels(clinic_id()),
                with_blind=known_to is None,
                edges={version: found.edges for version, found in films.items()},
            ),
            films,
        ),
        film_statistics=FILM_STATISTICS,
        drift_weeks=DRIFT_WEEKS,
        drift_min=MIN_RESULTS,
        others=[name for name in store.models(clinic_id()) if name != card.version],
    )


@blueprint.get("/help")
@signed_in
def help_page():
    return render_template("help.html", states=STATES, reasons=REASONS)


@cache
def _card() -> Artifact:
    """The model that this server is configured with, which workers need not have yet."""
    return load_artifact(services().settings.artifact)


@cache
def _others_at_hand() -> list[Artifact]:
    """Models of the clinic's jobs may be the released one, or one that was a shadow before."""
    found = []
    for folder in (None, services().settings.shadow_artifact):
        with suppress(ModelError):  # a shadow's folder may be on the workers' machine alone
            found.append(load_artifact(folder))
    return found


def _films(card: Artifact) -> FilmReference:
    share = card.metadata.get("unlike_training", {}).get("marked_on_val")
    return FilmReference(share, histograms(card.metadata))


def _labels(card: Artifact, model: str, counts: Counter) -> list[str]:
    """In the model's order where it is known."""
    found = {label for pair in counts for label in pair}
    known = card.labels if model == card.version else ()
    return [*known, *sorted(found.difference(known))]
