"""Jobs: list, watch, cancel, resume, retry, delete, and the images of one."""

from collections.abc import Callable

from apiflask import APIBlueprint
from flask import Response

from web.api.caching import conditional, etag_of
from web.api.images.lists import image_page, tally_of
from web.api.inputs.images import FilterQuery, ImagesQuery
from web.api.inputs.jobs import JobChange, JobsQuery
from web.api.openapi import HELD, NOT_MODIFIED
from web.api.records.images import ImagePage, Tally
from web.api.records.jobs import Job, JobPage
from web.auth.permissions import permits
from web.auth.requests import asking_name, clinic_id
from web.services import services
from web.showing.blind import viewer
from worker.access import Scope
from worker.files import removal
from worker.records.jobs import JobRecord
from worker.records.pages import Page

blueprint = APIBlueprint("jobs", __name__, tag="Jobs")


@blueprint.get("/jobs")
@permits(Scope.READ, Scope.UPLOAD)
@blueprint.input(JobsQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(JobPage)
def list_jobs(query):
    """List jobs, newest first

    With `idempotency_key`, only the job of the upload with that key: none means that the upload
    has not arrived.
    """
    if query.idempotency_key is None:
        page = services().store.jobs(
            clinic_id(), query.cursor, query.limit, query.search, query.status
        )
    else:
        job = services().store.job_of_key(clinic_id(), query.idempotency_key)
        page = Page([job] if job else [], None)
    jobs = [services().readiness.told(job) for job in page.items]
    # With the time: another data folder has the same ids.
    versions = [(job.id, job.created_at, job.revision, job.waiting_for) for job in jobs]
    etag = etag_of(versions, page.next_cursor, viewer().known_to, asking_name())
    return conditional(etag, lambda: JobPage.of(page).json_response)


@blueprint.get("/jobs/<int:job_id>")
@permits(Scope.READ, Scope.UPLOAD)
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(Job)
def get_job(job_id):
    """Watch a job

    Poll it with If-None-Match: 304 costs next to nothing.
    """
    job = services().readiness.told(services().store.job(clinic_id(), job_id))
    whose = viewer().known_to, asking_name()
    etag = etag_of(job.id, job.created_at, job.revision, job.waiting_for, whose)
    return conditional(etag, lambda: Job.of(job).json_response)


@blueprint.patch("/jobs/<int:job_id>")
@permits(Scope.UPLOAD)
@blueprint.input(JobChange, location="json", arg_name="change")
@blueprint.output(Job)
def change_job(job_id, change):
    """Rename a job"""
    return Job.of(services().store.rename_job(clinic_id(), job_id, change.name)).json_response


@blueprint.post("/jobs/<int:job_id>/cancel")
@permits(Scope.UPLOAD)
@blueprint.output(Job)
def cancel_job(job_id):
    """Cancel a job

    What has not begun is cancelled; what a worker has in hand is finished.
    """
    return Job.of(services().store.cancel_job(clinic_id(), job_id)).json_response


@blueprint.post("/jobs/<int:job_id>/resume")
@permits(Scope.UPLOAD)
@blueprint.output(Job)
def resume_job(job_id):
    """Resume a job

    Its cancelled images wait again. A job that waits for its model (`waiting_for` is `model`) goes
    on with the model of the workers that are up; results that it has already stay as they are, and
    each says which model it is from. Any other job stays as it is. 429 when with it too many images
    of the clinic would wait.
    """
    return _again(services().store.resume_job, job_id)


@blueprint.post("/jobs/<int:job_id>/retry")
@permits(Scope.UPLOAD)
@blueprint.output(Job)
def retry_job(job_id):
    """Try failed images again

    Those with the status `failed` wait again; refusals and results stand. A job without any stays
    as it is. 429 when with them too many images of the clinic would wait.
    """
    return _again(services().store.retry_job, job_id)


@blueprint.delete("/jobs/<int:job_id>")
@permits(Scope.DELETE)
@blueprint.doc(responses=HELD)
@blueprint.output({}, status_code=204, description="The job is gone.")
def delete_job(job_id):
    """Delete a job

    With its images, results and files, also while it runs. This cannot be undone. It is gone for
    everybody with the answer; the files of a large job are removed within seconds after it.
    """
    here = services()
    removal.delete_job(here.store, here.files, clinic_id(), job_id)
    return "", 204


@blueprint.get("/jobs/<int:job_id>/images")
@permits(Scope.READ)
@blueprint.input(ImagesQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(ImagePage)
def list_images(job_id, query):
    """List a job's images

    In upload order, unless `sort` says otherwise.
    """
    store = services().store
    # The revision is read before the images: they can be newer than their tag, never older.
    job = store.job(clinic_id(), job_id)
    etag = etag_of(job.id, job.created_at, job.revision, viewer().known_to, query)
    return conditional(etag, lambda: image_page(job, query))


@blueprint.get("/jobs/<int:job_id>/tally")
@permits(Scope.READ)
@blueprint.input(FilterQuery, location="query", arg_name="query")
@blueprint.doc(responses=NOT_MODIFIED)
@blueprint.output(Tally)
def tally_job(job_id, query):
    """Count a job's images

    By status and by label, of those that the filter lets through.
    """
    store = services().store
    job = store.job(clinic_id(), job_id)
    etag = etag_of(job.id, job.created_at, job.revision, viewer().known_to, query)
    return conditional(etag, lambda: tally_of(job, query))


def _again(verb: Callable[[int, int, int], JobRecord], job_id: int) -> Response:
    job = verb(clinic_id(), job_id, services().settings.max_waiting_images)
    services().dispatcher.wake(job.counts.waiting)
    return Job.of(job).json_response
