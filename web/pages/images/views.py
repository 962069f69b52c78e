"""The pages for people. Data comes to them through the REST API; these are the frames."""

from dataclasses import asdict
from datetime import date

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for

from web.api.images.lists import names_of_jobs, place_of
from web.api.images.shared import shown_image
from web.api.inputs.images import PAGE_IMAGES, FilterQuery, ListPageQuery, PlaceQuery
from web.api.records.images import Image, NameOfJob, Tally
from web.api.records.jobs import Job, JobPage, named
from web.api.records.record import Record
from web.api.records.reviews import Review
from web.auth.permissions import permits, signed_in
from web.auth.requests import asking_name, clinic_id, principal
from web.pages.frame.words import job_state
from web.pages.images import charts
from web.pages.images.saved import query_of
from web.services import services
from web.showing.blind import viewer
from worker.access import Scope
from worker.records.images import WAIVABLE, ImageStatus
from worker.records.jobs import JobRecord
from worker.settings import MEGABYTE

blueprint = APIBlueprint("pages", __name__, enable_openapi=False)

MAX_PRIORS = 20


@blueprint.get("/")
@signed_in
def home():
    if not principal().may(Scope.READ, Scope.UPLOAD):
        elsewhere = "operations.show" if principal().may(Scope.OPERATE) else "account.show"
        return redirect(url_for(elsewhere), code=303)
    store = services().store
    return render_template(
        "home.html",
        jobs=JobPage.of(store.jobs(clinic_id())).items,
        saved_views=store.saved_views(principal()) if principal().may(Scope.READ) else [],
        **_upload_limits(),
    )


@blueprint.get("/images")
@permits(Scope.READ)
@blueprint.input(ListPageQuery, location="query", arg_name="query")
def images(query: ListPageQuery):
    labels = [dict(label) for label in named(services().store.labels(clinic_id()))]
    rows, next_page = _rows(None, query)
    jobs = names_of_jobs(None, rows)
    return render_template(
        "images.html",
        labels=labels,
        first=_first(query, rows, jobs),
        saved_views=services().store.saved_views(principal()),
        shown_query=query_of(query),
        job_names={one.id: one.name for one in jobs},
        leaves_out_blind=viewer().is_blind_to(None),
        rows=rows,
        next_page=next_page,
        **_upload_limits(),
    )


@blueprint.get("/jobs/<int:job_id>")
@permits(Scope.READ, Scope.UPLOAD)
@blueprint.input(ListPageQuery, location="query", arg_name="query")
def job(job_id: int, query: ListPageQuery):
    found = services().store.job(clinic_id(), job_id)
    if not principal().may(Scope.READ):
        told = services().readiness.told(found)
        return render_template(
            "progress.html", job=told, state=job_state(told), finished=found.counts.finished
        )
    rows, next_page = _rows(found, query)
    shown = Job.of(found)
    tally = Tally.of(viewer().tally(found, query.wanted, query.sort))
    return render_template(
        "job.html",
        job=shown,
        first=_first(query, rows, names_of_jobs(found, rows), job=shown, tally=tally),
        chart=_distribution(found, query),
        speed=charts.speed(viewer().tallies.pace(found)),
        rows=rows,
        next_page=next_page,
        review_progress=viewer().progress(found),
        **_upload_limits(),
    )


@blueprint.get("/jobs/<int:job_id>/distribution")
@permits(Scope.READ)
@blueprint.input(FilterQuery, location="query", arg_name="query")
def distribution(job_id: int, query: FilterQuery):
    """A piece of the job's page: the results that the filter shows, and how quickly they came."""
    found = services().store.job(clinic_id(), job_id)
    return render_template(
        "_distribution.html",
        chart=_distribution(found, query),
        speed=charts.speed(viewer().tallies.pace(found)),
    )


def _distribution(job: JobRecord, query: FilterQuery) -> charts.Distribution:
    histogram = viewer().histogram(job, query.wanted)
    return charts.distribution(job.labels, histogram)


def _rows(job: JobRecord | None, query: ListPageQuery) -> tuple[list[Image], str | None]:
    """A page of the list, for browsers without scripts. Returns: images, address of the next."""
    asking = viewer()
    listed = asking.listed(job, query.wanted, query.sort)
    page = services().store.images(
        clinic_id(), job and job.id, *listed, cursor=query.cursor, limit=query.limit
    )
    images = [Image.of(image) for image in asking.without_hidden(page.items)]
    if page.next_cursor is None:
        return images, None
    more = query.address | {"cursor": page.next_cursor}
    here = url_for(request.endpoint, **(request.view_args or {}), **more)
    return images, here


def _first(
    query: ListPageQuery, rows: list[Image], jobs: list[NameOfJob], **more: Record
) -> dict[str, object] | None:
    """What the page's script would ask for at once, so that it need not; None on a later page,
    where nobody with scripts comes."""
    if query.cursor is not None or query.limit != PAGE_IMAGES or query.offset:
        return None
    lists = {"items": rows, "jobs": jobs}
    return {
        name: [one.model_dump(mode="json") for one in records] for name, records in lists.items()
    } | {name: one.model_dump(mode="json") for name, one in more.items()}


def _upload_limits() -> dict[str, int]:
    settings = services().settings
    return {
        "max_bytes": settings.max_upload_mb * MEGABYTE,
        "max_images": settings.max_job_images,
    }


@blueprint.get("/images/<int:image_id>")
@permits(Scope.READ)
@blueprint.input(PlaceQuery, location="query", arg_name="query")
def image(image_id: int, query: PlaceQuery):
    """The address also holds the list that the reader came from (`job`, `sort` and the filter, as
    `GET /api/v1/images/{id}/place` takes them): previous, next and the way back stay within it."""
    store = services().store
    image = shown_image(image_id)
    job = store.job(clinic_id(), image.job_id)
    hidden = image.status is ImageStatus.DONE and image.result is None
    priors = viewer().without_hidden(store.films_of_patient(clinic_id(), image_id, MAX_PRIORS))
    reviews = viewer().reviews([image_id]).get(image_id, [])
    mine = [review for review in reviews if review.reader == asking_name()]
    others = [review for review in reviews if review.reader != asking_name()]
    job_id = query.job_id(own=image.job_id)
    listed = query.address
    if "sort" in request.args:
        listed["sort"] = str(query.sort)  # also the usual one here: a list's usual one is another
    # The row of this image in the list that the reader came from.
    within = {name: value for name, value in listed.items() if name != "job"}
    row = f"image-{image_id}"
    up = (
        url_for("pages.images", **within, _anchor=row)
        if job_id is None
        else url_for("pages.job", job_id=job_id, **within, _anchor=row)
    )
    return render_template(
        "image.html",
        listed=listed,
        up=up,
        of_all_jobs=job_id is None,
        place=place_of(image_id, job_id, query),
        image=Image.of(image),
        priors=sorted(map(Image.of, priors), key=_taken, reverse=True),
        job=job,
        maps=[] if hidden else store.maps(clinic_id(), image_id),
        hidden=hidden,
        waivable=image.status is ImageStatus.REJECTED
        and image.reason in WAIVABLE
        and image.file_key is not None,
        all_answered=not store.unsettled(clinic_id(), [image_id]),
        readers_disagree=len({review.label for review in reviews}) > 1,
        my_review=Review.of(mine[0]).model_dump() if mine else None,
        other_reviews=others,
        other_boxes=[asdict(box) for review in others for box in review.boxes],
        review_progress=viewer().progress(job),
        has_file=image.file_key is not None or image.picture_key is not None,
        original_name=store.original_name(clinic_id(), image_id)
        if principal().may(Scope.ADMIN)
        else None,
    )


def _taken(image: Image) -> tuple[date, int]:
    """When a film was taken, or else uploaded."""
    known = image.facts.taken_on if image.facts else None
    return known or image.created_at.date(), image.id
