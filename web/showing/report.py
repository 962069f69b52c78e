"""Reports as PDF: of one image, or of a job."""

import io
from collections.abc import Sequence
from datetime import datetime
from xml.sax.saxutils import escape

from PIL import Image as Picture
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer, Table

from model import DISCLAIMER
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
    """pictures: (caption, PNG) of the film and of a map over it, if there are any."""
    parts: list[Flowable] = [
        _text(image.filename, _STYLES["Heading2"]),
        _text(f"Job: {job.name}"),
        Spacer(0, 3 * mm),
        *_pictures(pictures),
        *_result(image),
        *_reviews(reviews),
        Spacer(0, 4 * mm),
        _table(_facts(image), (42 * mm, None)),
    ]
    return _pdf(f"Image {image.id}", parts, made_at)


def job_report(
    job: JobRecord,
    images: Sequence[ImageRecord],
    reviews: dict[int, list[ReviewRecord]],
    made_at: datetime,
) -> bytes:
    """images: in the order of the table, the first MAX_ROWS of them."""
    counts = job.counts
    said = ", ".join(
        f"{count:,} {name}"
        for name, count in (
            ("classified", counts.done), ("rejected", counts.rejected),
            ("failed", counts.failed), ("cancelled", counts.cancelled),
            ("not finished", counts.waiting + counts.running),
        )
        if count
    )  # fmt: skip
    rows = [["Image", "File", "Result", "Probability", "Read"]]
    for image in images[:MAX_ROWS]:
        rows.append([str(image.id), _text(image.filename, _SMALL), *_cells(image, reviews)])
    table = Table(rows, (16 * mm, 72 * mm, 38 * mm, 22 * mm, 32 * mm), repeatRows=1)
    table.setStyle([*_LINES, ("FONTSIZE", (0, 0), (-1, -1), 8)])
    parts = [
        _text(job.name, _STYLES["Heading2"]),
        _text(f"{counts.total:,} images: {said or 'none'}."),
        _text(f"Model: {job.model or 'none yet'}"),
        Spacer(0, 4 * mm),
        table,
    ]
    if len(images) > MAX_ROWS:
        parts.append(_text(f"The first {MAX_ROWS:,} images. All are in the CSV export."))
    return _pdf(f"Job {job.id}", parts, made_at)


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


def _result(image: ImageRecord) -> list[Flowable]:
    if image.result is None:
        status = f"{image.status.value.capitalize()}. {image.message or ''}"
        return [_text(status, _STYLES["Heading3"])]
    result = image.result
    heading = f"Most likely: {label_name(result.label)}"
    parts: list[Flowable] = [_text(heading, _STYLES["Heading3"])]
    if result.uncertain:
        parts.append(_text("Low confidence: review manually.", _WARNING))
    if image.waiver:
        parts.append(
            _text(
                f"Rejected by the gate ({image.waiver.reason}), classified anyway by "
                f"{image.waiver.by}, {_time(image.waiver.at)}.",
                _WARNING,
            )
        )
    shares = [[label_name(name), f"{100 * p:.1f} %"] for name, p in result.probabilities.items()]
    return [*parts, _table(shares, (42 * mm, None))]


def _reviews(reviews: Sequence[ReviewRecord]) -> list[Flowable]:
    if not reviews:
        return [_text("Not reviewed.", _STYLES["Heading3"])]
    rows = []
    for review in reviews:
        label = label_name(review.label) if review.label else "Unusable"
        boxes = f" {len(review.boxes)} marked." if review.boxes else ""
        blind = " Read blind." if review.blind else ""
        rows.append([review.reader, f"{label}. {review.comment}{boxes}{blind}",
                     _time(review.changed_at)])  # fmt: skip
    return [_text("Reviews", _STYLES["Heading3"]), _table(rows, (42 * mm, None, 34 * mm))]


def _facts(image: ImageRecord) -> list[list[str]]:
    facts = image.facts or {}
    rows = [
        ["View", facts.get("view")],
        ["Taken on", facts.get("taken_on")],
        ["Size", f"{image.width} x {image.height} pixels" if image.width else None],
        ["Model", image.result.model if image.result else None],
        ["Gate", f"{image.gate.version}, score {image.gate.score:.3f}" if image.gate else None],
        ["Uploaded", _time(image.created_at)],
        ["Classified", _time(image.finished_at) if image.finished_at else None],
    ]
    return [[name, value] for name, value in rows if value]


def _cells(image: ImageRecord, reviews: dict[int, list[ReviewRecord]]) -> list[object]:
    if image.result is None:
        return [_text(image.reason or image.status.value, _SMALL), "", ""]
    labels = {
        label_name(one.label) if one.label else "Unusable" for one in reviews.get(image.id, [])
    }
    name = label_name(image.result.label)
    marks = [" (uncertain)"] * image.result.uncertain + [" (gate waived)"] * bool(image.waiver)
    share = f"{100 * image.result.probabilities[image.result.label]:.1f} %"
    return [_text(name + "".join(marks), _SMALL), share, _text(", ".join(sorted(labels)), _SMALL)]


def _table(rows: list[list[str]], widths: Sequence[float | None]) -> Table:
    cells = [[_text(cell, _SMALL) for cell in row] for row in rows]
    table = Table(cells, widths, hAlign="LEFT")
    table.setStyle(_LINES)
    return table


def _text(words: str, style: ParagraphStyle = _TEXT) -> Paragraph:
    # A file's name is text, not markup.
    return Paragraph(escape(words), style)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _pdf(title: str, parts: list[Flowable], made_at: datetime) -> bytes:
    def foot(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(18 * mm, 10 * mm, f"cxr-batch, {title}, {_time(made_at)}. {DISCLAIMER}")
        canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, f"{document.page}")

    file = io.BytesIO()
    SimpleDocTemplate(
        file, pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=16 * mm,
        bottomMargin=18 * mm, title=title, author="cxr-batch",
    ).build(parts, onFirstPage=foot, onLaterPages=foot)  # fmt: skip
    return file.getvalue()
