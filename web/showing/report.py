"""Reports as PDF, in the reader's language and time zone: of one image, or of a job."""

import io
from collections.abc import Sequence
from datetime import datetime, tzinfo

from PIL import Image as Picture
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, SimpleDocTemplate, Spacer, Table

from model import DISCLAIMER
from web.language.asked import N_, _, ngettext, pgettext
from web.language.numbers import decimal, number
from web.language.words import UNCERTAIN_MEANS, reason_text
from web.showing.fonts import Text
from web.showing.labels import label_name
from worker.records.images import ImageRecord
from worker.records.jobs import JobRecord
from worker.records.reviews import ReviewRecord

MAX_ROWS = 2000  # of a job; a longer table is nothing to read, and CSV has it all
PICTURE_MM = 84
_STYLES = getSampleStyleSheet()
_TEXT = ParagraphStyle("text", _STYLES["BodyText"], fontSize=9.5, leading=13)
_SMALL = ParagraphStyle("small", _TEXT, fontSize=8, leading=10.5)
_WARNING = ParagraphStyle("warning", _TEXT, textColor=colors.HexColor("#855600"))
_LINES = (
    ("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.HexColor("#d3dae0")),
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("LEFTPADDING", (0, 0), (-1, -1), 0),
)


def image_report(
    image: ImageRecord,
    job: JobRecord,
    reviews: Sequence[ReviewRecord],
    pictures: Sequence[tuple[str, bytes]],
    made_at: datetime,
) -> bytes:
    """pictures: (caption, PNG) of the film and of a map over it, if there are any. made_at: now, in
    the time zone of the report."""
    zone = made_at.tzinfo
    parts: list[Flowable] = [
        _text(image.filename, _STYLES["Heading2"]),
        _text(_("Job: %(name)s", name=job.name)),
        Spacer(0, 3 * mm),
        *_pictures(pictures),
        *_result(image, zone),
        *_reviews(reviews, zone),
        Spacer(0, 4 * mm),
        _table(_facts(image, zone), (42 * mm, None)),
    ]
    return _pdf(_("Image %(number)s", number=image.id), parts, made_at)


def job_report(
    job: JobRecord,
    images: Sequence[ImageRecord],
    reviews: dict[int, list[ReviewRecord]],
    made_at: datetime,
) -> bytes:
    """images: in the order of the table, the first MAX_ROWS of them. made_at: now, in the time zone
    of the report."""
    counts = job.counts
    found = (
        (N_("%(count)s classified"), counts.done),
        (N_("%(count)s rejected"), counts.rejected),
        (N_("%(count)s failed"), counts.failed),
        (N_("%(count)s cancelled"), counts.cancelled),
        (N_("%(count)s not finished"), counts.waiting + counts.running),
    )
    said = ", ".join(_(what, count=number(count)) for what, count in found if count)
    none = _("none")
    total = ngettext("%(num)s image", "%(num)s images", counts.total)
    rows = [[_("Image"), _("File"), _("Result"), _("Probability"), _("Read")]]
    for image in images[:MAX_ROWS]:
        rows.append([str(image.id), _text(image.filename, _SMALL), *_cells(image, reviews)])
    table = Table(rows, (16 * mm, 72 * mm, 38 * mm, 22 * mm, 32 * mm), repeatRows=1)
    table.setStyle([*_LINES, ("FONTSIZE", (0, 0), (-1, -1), 8)])
    parts = [
        _text(job.name, _STYLES["Heading2"]),
        _text(f"{total}: {said or none}."),
        _text(_("Model: %(model)s", model=job.model or none)),
        _text(_("Uploaded: %(at)s", at=_time(job.created_at, made_at.tzinfo))),
        Spacer(0, 4 * mm),
        table,
    ]
    if len(images) > MAX_ROWS:
        first = _(
            "The first %(number)s images. All are in the CSV export.", number=number(MAX_ROWS)
        )
        parts.append(_text(first))
    return _pdf(_("Job %(number)s", number=job.id), parts, made_at)


def _pictures(pictures: Sequence[tuple[str, bytes]]) -> list[Flowable]:
    shown = []
    for caption, png in pictures:
        with Picture.open(io.BytesIO(png)) as opened:
            width, height = opened.size
        scale = PICTURE_MM * mm / max(width, height)
        shown.append(
            [Image(io.BytesIO(png), width * scale, height * scale), _text(caption, _SMALL)]
        )
    return [Table([shown]), Spacer(0, 3 * mm)] if shown else []


def _result(image: ImageRecord, zone: tzinfo) -> list[Flowable]:
    if image.result is None:
        status = pgettext("image", image.status.value.capitalize())
        why = reason_text(image.reason, image.message or "")
        return [_text(f"{status}. {why}", _STYLES["Heading3"])]
    result = image.result
    heading = _("Most likely: %(label)s", label=_(label_name(result.label)))
    parts: list[Flowable] = [_text(heading, _STYLES["Heading3"])]
    if result.uncertain:
        parts.append(_text(_(UNCERTAIN_MEANS), _WARNING))
    if image.waiver:
        waived = _(
            "Rejected by the gate (%(reason)s), classified anyway by %(who)s, %(at)s.",
            reason=image.waiver.reason,
            who=image.waiver.by,
            at=_time(image.waiver.at, zone),
        )
        parts.append(_text(waived, _WARNING))
    shares = [[_(label_name(name)), _percent(p)] for name, p in result.probabilities.items()]
    return [*parts, _table(shares, (42 * mm, None))]


def _reviews(reviews: Sequence[ReviewRecord], zone: tzinfo) -> list[Flowable]:
    if not reviews:
        return [_text(_("Not reviewed."), _STYLES["Heading3"])]
    rows = []
    for review in reviews:
        marked = ngettext("%(num)s box.", "%(num)s boxes.", len(review.boxes))
        said = [f"{_answer(review)}.", review.comment, marked if review.boxes else ""]
        said.append(_("Read blind.") if review.blind else "")
        rows.append([review.reader, " ".join(filter(None, said)), _time(review.changed_at, zone)])
    return [_text(_("Reviews"), _STYLES["Heading3"]), _table(rows, (42 * mm, None, 34 * mm))]


def _answer(review: ReviewRecord) -> str:
    return _(label_name(review.label)) if review.label else _("Unusable")


def _facts(image: ImageRecord, zone: tzinfo) -> list[list[str]]:
    facts = image.facts or {}
    size = _("%(width)s x %(height)s pixels", width=image.width, height=image.height)
    rows = [
        [_("View"), facts.get("view")],
        [_("Taken on"), facts.get("taken_on")],
        [_("Size"), size if image.width else None],
        [_("Model"), image.result.model if image.result else None],
        [
            _("Gate"),
            f"{image.gate.version}, {decimal(image.gate.score, 3)}" if image.gate else None,
        ],
        [_("Uploaded"), _time(image.created_at, zone)],
        [_("Finished"), _time(image.finished_at, zone) if image.finished_at else None],
    ]
    return [[name, value] for name, value in rows if value]


def _cells(image: ImageRecord, reviews: dict[int, list[ReviewRecord]]) -> list[object]:
    if image.result is None:
        status = image.reason or pgettext("image", image.status.value.capitalize())
        return [_text(status, _SMALL), "", ""]
    answers = {_answer(one) for one in reviews.get(image.id, [])}
    marks = [_("uncertain")] * image.result.uncertain
    marks += [_("classified anyway")] * bool(image.waiver)
    name = " ".join([_(label_name(image.result.label)), *(f"({mark})" for mark in marks)])
    share = _percent(image.result.probabilities[image.result.label])
    return [_text(name, _SMALL), share, _text(", ".join(sorted(answers)), _SMALL)]


def _table(rows: list[list[str]], widths: Sequence[float | None]) -> Table:
    cells = [[_text(cell, _SMALL) for cell in row] for row in rows]
    table = Table(cells, widths, hAlign="LEFT")
    table.setStyle(_LINES)
    return table


def _text(words: str, style: ParagraphStyle = _TEXT) -> Text:
    return Text.of(words, style)


def _percent(share: float) -> str:
    return f"{decimal(100 * share)} %"


def _time(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _pdf(title: str, parts: list[Flowable], made_at: datetime) -> bytes:
    zone = made_at.tzinfo
    times = _("Time zone: %(zone)s", zone=str(zone))
    parts = [*parts, Spacer(0, 3 * mm), _text(times, _SMALL)]
    said = f"cxr-batch, {title}, {_time(made_at, zone)}. {_(DISCLAIMER)}"

    def foot(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(18 * mm, 10 * mm, said)
        canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, f"{document.page}")

    file = io.BytesIO()
    SimpleDocTemplate(
        file, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=16 * mm,
        bottomMargin=18 * mm, title=title, author="cxr-batch",
    ).build(parts, onFirstPage=foot, onLaterPages=foot)  # fmt: skip
    return file.getvalue()
