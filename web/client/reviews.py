"""`cxr reviews export`: what readers said, as data that `cxr evaluate` and `cxr train` read.

Exit codes as in `web.client.cli`.
"""

import csv
import io
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

import click

from web.client.errors import Refused
from web.client.http import Client, Json
from web.client.output import cannot_write, write_whole
from web.client.shared import client_errors, server_options, token_for

MANIFEST, BOXES = "manifest.csv", "boxes.csv"
MANIFEST_COLUMNS = ("path", "label", "split", "source", "patient", "second_reading")
NOT_FOUND = 404
BOX_COLUMNS = ("path", "x", "y", "width", "height", "finding")


@click.group()
def reviews() -> None:
    """What readers say about results."""


@reviews.command()
@click.argument("job", type=click.IntRange(min=1))
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for manifest.csv, boxes.csv and the films. Created if missing.",
)
@click.option("--reader", help="Only this reader's reviews. Default: those that all readers share.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="test",
    show_default=True,
    help="What the films are used for.",
)
@click.option("--source", default="reviews", show_default=True, help="What to call their source.")
@server_options
def export(
    job: int, out: Path, reader: str | None, split: str, source: str, url: str, token: str | None
) -> None:
    """Write the reviewed films of the job with the number JOB as a data set.

    Its labels are the readers', and what the model said is in the column second_reading. Films that
    a reader calls unusable, or that readers label differently, are left out and counted. Measure
    the model with: cxr evaluate --manifest FOLDER/manifest.csv
    """
    with client_errors(), Client(url, token_for(url, token)) as client:
        by_image = _by_image(client.reviews(job), reader)
        agreed = {image: found for image, found in by_image.items() if _label(found)}
        try:
            (out / "images").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(out, error) from error
        patients = _patients(client.images(job)) if agreed else {}
        rows, boxes, gone = [], [], 0
        with click.progressbar(agreed.items(), label="Films", file=sys.stderr) as films:
            for image, found in films:
                path = f"images/{image}.png"
                try:
                    write_whole([client.film(image)], out / path)
                except Refused as error:
                    if error.status != NOT_FOUND:
                        raise
                    gone += 1  # no longer kept, or deleted meanwhile
                    continue
                said = found[0]["model_label"]
                patient = f"{source}:{patients.get(image, image)}"
                rows.append((path, _label(found), split, source, patient, said))
                boxes += [(path, *_sides(box)) for review in found for box in review["boxes"]]
        write_whole([_csv(BOX_COLUMNS, boxes)], out / BOXES)
        # Last: with it, the data are complete.
        write_whole([_csv(MANIFEST_COLUMNS, rows)], out / MANIFEST)
    counts = Counter(row[1] for row in rows)
    labels = ", ".join(f"{label} {count}" for label, count in sorted(counts.items())) or "none"
    click.echo(f"{len(rows)} films ({labels}), {len(boxes)} boxes: {out / MANIFEST}")
    if left_out := len(by_image) - len(agreed):
        click.echo(f"{left_out} left out: unusable, or readers disagree.", err=True)
    if gone:
        click.echo(f"{gone} left out: their X-rays are no longer kept.", err=True)


def _by_image(found: Iterable[Json], reader: str | None) -> dict[int, list[Json]]:
    by_image = defaultdict(list)
    for review in found:
        if reader in (None, review["reader"]):
            by_image[review["image_id"]].append(review)
    return by_image


def _patients(images: Iterable[Json]) -> dict[int, int]:
    """By image, a number for its patient, whose films must stay together: that of the first of
    them. The identifier itself names somebody, and is not written down."""
    first: dict[str, int] = {}
    return {
        image["id"]: first.setdefault(image["patient"], image["id"])
        if image["patient"]
        else image["id"]
        for image in images
    }


def _label(found: list[Json]) -> str | None:
    """The label that all of an image's reviews give; None for an unusable film too."""
    labels = {review["label"] for review in found}
    return labels.pop() if len(labels) == 1 else None


def _sides(box: Json) -> tuple[str, ...]:
    width, height = box["right"] - box["left"], box["bottom"] - box["top"]
    numbers = (f"{number:.5f}" for number in (box["left"], box["top"], width, height))
    return (*numbers, box["finding"] or "finding")


def _csv(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()
