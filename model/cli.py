"""`cxr classify`: the same decoding, gate and network as the workers use, with no server."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from model.classifier import Classifier
from model.errors import ModelError
from model.labels import LABELS
from model.sources import count, walk
from model.verdicts import Verdict, judge

DISCLAIMER = "Research and triage support, not a diagnosis."


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as they come.")
@click.option("--attention", is_flag=True, help="With --json: include each attention map.")
@click.option(
    "--device",
    type=click.Choice(["cpu", "gpu"]),
    default="cpu",
    show_default=True,
    help="What the network runs on.",
)
@click.option(
    "--artifact",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="CXR_ARTIFACT",
    help="Folder of a trained model.  [default: CXR_ARTIFACT, or the released one]",
)
def classify(
    paths: tuple[Path, ...], as_json: bool, attention: bool, device: str, artifact: Path | None
) -> None:
    """Classify X-rays: files, folders and zip archives (JPEG, PNG, WEBP, TIFF, DICOM).

    Research and triage support, not a diagnosis.

    Exit code: 0 when every file got a verdict (also: rejected), 1 when one failed, 2 for wrong use.
    """
    try:
        classifier = Classifier.load(artifact, device)
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    verdicts = judge(classifier, walk(paths))
    statuses = (_json_lines if as_json else _table)(verdicts, paths, attention)
    sys.exit(1 if statuses["failed"] else 0)


def as_dict(verdict: Verdict, attention: bool = False) -> dict:
    """The JSON form of a verdict; `attention` is null unless it is asked for."""
    prediction = verdict.prediction
    shown = None
    if prediction and attention:
        shown = {
            "grid": [[round(float(cell), 4) for cell in row] for row in prediction.attention],
            "height": prediction.attention.shape[0],
            "width": prediction.attention.shape[1],
            "box": prediction.box._asdict(),
        }
    return {
        "file": verdict.file,
        "status": verdict.status,
        "reason": verdict.reason,
        "message": verdict.message,
        "label": prediction.label if prediction else None,
        "probabilities": (
            {label: round(p, 6) for label, p in prediction.probabilities.items()}
            if prediction
            else None
        ),
        "uncertain": prediction.uncertain if prediction else None,
        "model": prediction.model if prediction else None,
        "attention": shown,
        "timings_ms": verdict.timings_ms,
    }


def _json_lines(
    verdicts: Iterable[Verdict], _paths: tuple[Path, ...], attention: bool
) -> Counter[str]:
    statuses: Counter[str] = Counter()
    for verdict in verdicts:
        statuses[verdict.status] += 1
        # Pure ASCII: a file name that is no text would otherwise stop the output half way.
        click.echo(json.dumps(as_dict(verdict, attention), ensure_ascii=True))
        sys.stdout.flush()
    return statuses


def _table(verdicts: Iterable[Verdict], paths: tuple[Path, ...], _attention: bool) -> Counter[str]:
    # Here, since --json is for programs that want the first line soon.
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    statuses: Counter[str] = Counter()
    table = Table(caption=DISCLAIMER)
    table.add_column("file", overflow="fold")
    table.add_column("verdict")
    for label in LABELS:
        table.add_column(label, justify="right")
    reasons: dict[str, list[str]] = {}
    model = "no image classified"
    for verdict in _with_progress(verdicts, count(paths)):
        statuses[verdict.status] += 1
        prediction = verdict.prediction
        if prediction:
            model = prediction.model
            shares = [f"{prediction.probabilities[label]:.1%}" for label in LABELS]
            doubt = " (uncertain)" if prediction.uncertain else ""
            table.add_row(escape(verdict.file), prediction.label + doubt, *shares)
        else:
            table.add_row(escape(verdict.file), f"{verdict.status}: {verdict.reason}")
            reasons.setdefault(verdict.message, []).append(verdict.file)
    table.title = ", ".join(f"{n} {status}" for status, n in sorted(statuses.items()))
    table.title += f" ({model})"
    console = Console()
    console.print(table)
    for message, files in reasons.items():
        console.print(f"[bold]{escape(', '.join(files))}[/]: {escape(message)}", highlight=False)
    return statuses


def _with_progress(verdicts: Iterable[Verdict], total: int) -> Iterator[Verdict]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("classifying", total=total)
        for verdict in verdicts:
            progress.advance(task)
            yield verdict
