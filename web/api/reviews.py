"""What readers say about results."""

from apiflask import APIBlueprint

from web.api.inputs.reviews import BlindChange, ReadersChange, ReviewBody, ReviewsQuery
from web.api.records.jobs import Job
from web.api.records.reviews import Review, ReviewPage, ReviewProgress, Reviews
from web.auth.permissions import permits
from web.auth.requests import asking_name, clinic_id
from web.services import services
from web.showing.blind import viewer
from worker.access import Scope
from worker.records.pages import Page
from worker.records.reviews import NewReview, ReviewBox

blueprint = APIBlueprint("reviews", __name__, tag="Reviews")

FINAL = {
    409: "It was given before the model's answer was shown, or both readers have answered, so "
    "it is final."
}


@blueprint.get("/images/<int:image_id>/reviews")
@permits(Scope.READ)
@blueprint.output(Reviews)
def list_reviews(image_id):
    """List an image's reviews

    Of a blind job, a reader in the browser sees those of others after their own; of a job with two
    readers, after both have answered.
    """
    image = services().store.image(clinic_id(), image_id)
    found = viewer().reviews([image.id]).get(image.id, [])
    return Reviews(items=[Review.of(one) for one in found]).json_response


@blueprint.put("/images/<int:image_id>/review")
@permits(Scope.REVIEW)
@blueprint.input(ReviewBody, location="json", arg_name="body")
@blueprint.doc(responses={409: "The image has no result; or: " + FINAL[409]})
@blueprint.output(Review)
def review(image_id, body):
    """Review a result

    In place of what the same reader said before.
    """
    said = NewReview(
        verdict=body.verdict,
        label=body.label,
        comment=body.comment.strip(),
        boxes=tuple(ReviewBox(**dict(box)) for box in body.boxes),
    )
    saved = services().store.review(clinic_id(), image_id, asking_name(), said)
    return Review.of(saved).json_response


@blueprint.delete("/images/<int:image_id>/review")
@permits(Scope.REVIEW)
@blueprint.doc(responses=FINAL)
@blueprint.output({}, status_code=204, description="The review is gone.")
def take_back(image_id):
    """Take your review back"""
    services().store.unreview(clinic_id(), image_id, asking_name())
    return "", 204


@blueprint.get("/jobs/<int:job_id>/reviews")
@permits(Scope.READ)
@blueprint.input(ReviewsQuery, location="query", arg_name="query")
@blueprint.output(ReviewPage)
def list_job_reviews(job_id, query):
    """List a job's reviews

    By image, the oldest first.
    """
    store = services().store
    page = store.job_reviews(clinic_id(), job_id, query.cursor, query.limit)
    images = list(dict.fromkeys(review.image_id for review in page.items))
    seen = [review for said in viewer().reviews(images).values() for review in said]
    return ReviewPage.of(Page(seen, page.next_cursor)).json_response


@blueprint.get("/jobs/<int:job_id>/reviews/progress")
@permits(Scope.READ)
@blueprint.output(ReviewProgress)
def progress(job_id):
    """Get how many of a job's results are read"""
    found = viewer().progress(services().store.job(clinic_id(), job_id))
    return ReviewProgress.of(found).json_response


@blueprint.put("/jobs/<int:job_id>/blind")
@permits(Scope.UPLOAD)
@blueprint.input(BlindChange, location="json", arg_name="change")
@blueprint.output(Job)
def change_blind(job_id, change):
    """Hide a job's results from its readers

    In the browser, a result of a blind job is shown to a reader after their own review of it, which
    is final then: so readers and the model can be compared fairly. Programs with a token see all.
    """
    store = services().store
    store.set_blind(clinic_id(), job_id, change.blind)
    return Job.of(store.job(clinic_id(), job_id)).json_response


@blueprint.put("/jobs/<int:job_id>/readers")
@permits(Scope.UPLOAD)
@blueprint.input(ReadersChange, location="json", arg_name="change")
@blueprint.output(Job)
def change_readers(job_id, change):
    """Ask for one reader or two

    With two, a reader in the browser sees the other's review once both have answered; both are
    final then. Programs with a token see all.
    """
    store = services().store
    store.set_readers(clinic_id(), job_id, change.readers)
    return Job.of(store.job(clinic_id(), job_id)).json_response
