"""Images of a job or of the clinic: pages of lists, counts, and the place of one."""

from collections.abc import Iterable

from flask import Response

from web.api.images.shared import blueprint
from web.api.inputs.images import FilterQuery, ImagesQuery, PlaceQuery
from web.api.records.images import Image, ImagePage, NameOfJob, Place, Tally
from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.services import services
from web.showing.blind import viewer
from worker.access import Scope
from worker.records.images import ImageRecord
from worker.records.images import Place as PlaceRecord
from worker.records.jobs import JobRecord


@blueprint.get("/images")
@permits(Scope.READ)
@blueprint.input(ImagesQuery, location="query", arg_name="query")
@blueprint.output(ImagePage)
def list_images_of_clinic(query):
    """List images across all jobs

    Oldest first, unless `sort` says otherwise.
    """
    return image_page(None, query)


@blueprint.get("/images/tally")
@permits(Scope.READ)
@blueprint.input(FilterQuery, location="query", arg_name="query")
@blueprint.output(Tally)
def tally_clinic(query):
    """Count images across all jobs

    By status and by label, of those that the filter lets through: the newest 100,000 of them.
    """
    return tally_of(None, query)


def image_page(job: JobRecord | None, query: ImagesQuery) -> Response:
    """Images of a job, or of the clinic."""
    asking = viewer()
    page = services().store.images(
        clinic_id(),
        job and job.id,
        *asking.listed(job, query.wanted, query.sort),
        cursor=query.cursor,
        offset=query.offset,
        limit=query.limit,
    )
    shown = asking.without_hidden(page.items)
    found = {"items": shown, "jobs": names_of_jobs(job, shown), "next_cursor": page.next_cursor}
    return ImagePage.of(found).json_response


def names_of_jobs(job: JobRecord | None, images: Iterable[Image | ImageRecord]) -> list[NameOfJob]:
    """Of the jobs that these images are of: of that job, or of the clinic's."""
    numbers = {image.job_id for image in images}
    if job is not None:
        return [NameOfJob.of(job)] if numbers else []
    names = services().store.job_names(clinic_id(), numbers)
    return [NameOfJob(id=number, name=name) for number, name in names.items()]


def place_of(image_id: int, job_id: int | None, query: FilterQuery) -> PlaceRecord:
    """Where the image stands in the list of the job, or with None of the clinic."""
    store = services().store
    job = None if job_id is None else store.job(clinic_id(), job_id)
    listed = viewer().listed(job, query.wanted, query.sort)
    return store.place(clinic_id(), image_id, job_id, *listed)


def tally_of(job: JobRecord | None, query: FilterQuery) -> Response:
    """Counts of a job, or of the clinic."""
    return Tally.of(viewer().tally(job, query.wanted, query.sort)).json_response


@blueprint.get("/images/<int:image_id>/place")
@permits(Scope.READ)
@blueprint.input(PlaceQuery, location="query", arg_name="query")
@blueprint.output(Place)
def place(image_id, query):
    """Find an image in a list

    Where it stands in what `GET /jobs/{id}/images` lists for the same filter and order (with
    `job=all`: in what `GET /images` lists), and which images are beside it.
    """
    store = services().store
    job_id = query.job_id(own=store.image(clinic_id(), image_id).job_id)
    return Place.of(place_of(image_id, job_id, query)).json_response
