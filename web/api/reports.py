"""Reports as PDF.

What draws them is loaded with the first report: most servers never make one.
"""

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response

from web.api.images.shared import shown_image
from web.api.inputs.jobs import ReportQuery
from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.errors import NoPicture, NotReady
from web.language.asked import _
from web.services import services
from web.showing import pictures
from web.showing.blind import viewer
from worker.access import Scope

blueprint = APIBlueprint("reports", __name__, tag="Exports")

PDF = FileSchema()
PICTURE_SIDE = 1024
OPACITY = 0.6


@blueprint.get("/images/<int:image_id>/report.pdf")
@permits(Scope.READ)
@blueprint.input(ReportQuery, location="query", arg_name="query")
@blueprint.output(PDF, content_type="application/pdf")
def image_report(image_id: int, query: ReportQuery):
    """Download a report of one image as PDF

    The X-ray, its main map, the result, reviews, and the version of the model, in the language of
    whoever asks (`Accept-Language`: English or Spanish).

    Names and comments may be in the Latin, Greek, Cyrillic, Georgian, Hebrew, Arabic and Thai
    alphabets, whose letters are in the file. Chinese, Japanese and Korean text is shown by viewers
    that have a font for it and blank in others; letters of other scripts are black squares.
    """
    from web.showing import report

    image = shown_image(image_id)
    shown = []
    try:
        shown.append((_("X-ray"), pictures.preview(image, PICTURE_SIDE)))
        if image.result is not None:
            over = pictures.overlay(image, None, OPACITY, PICTURE_SIDE)
            caption = _("The main map: where the network looked, not where a finding is")
            shown.append((caption, over))
    except (NoPicture, NotReady):
        pass  # a film that cannot be shown, or a model without maps
    content = report.image_report(
        image,
        services().store.job(clinic_id(), image.job_id),
        viewer().reviews([image_id]).get(image_id, []),
        shown,
        datetime.now(ZoneInfo(query.time_zone)),
    )
    return _download(content, f"cxr-image-{image_id}.pdf")


@blueprint.get("/jobs/<int:job_id>/report.pdf")
@permits(Scope.READ)
@blueprint.input(ReportQuery, location="query", arg_name="query")
@blueprint.output(PDF, content_type="application/pdf")
def job_report(job_id: int, query: ReportQuery):
    """Download a report of a job as PDF

    Its counts, and a line for each of its first 2,000 images.
    """
    from web.showing import report

    store = services().store
    job = store.job(clinic_id(), job_id)
    images = viewer().without_hidden(
        list(islice(store.all_images(clinic_id(), job_id), report.MAX_ROWS + 1))
    )
    shown = [image.id for image in images if image.result]
    made_at = datetime.now(ZoneInfo(query.time_zone))
    content = report.job_report(job, images, viewer().reviews(shown), made_at)
    return _download(content, f"cxr-job-{job_id}.pdf")


def _download(content: bytes, filename: str) -> Response:
    # The file's name holds no word of the user's: it ends up in download histories.
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(content, mimetype="application/pdf", headers=headers)
