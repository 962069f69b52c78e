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
from model.results import FileResult, classify_files
from model.sources import count, walk

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

    Exit code: 0 when every file got a result (also: rejected), 1 when one failed, 2 for wrong use.
    """
    try:
        classifier = Classifier.load(artifact, device)
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    file_results = classify_files(classifier, walk(paths))
    statuses = (_json_lines if as_json else _table)(file_results, paths, attention)
    sys.exit(1 if statuses["failed"] else 0)


def as_dict(file_result: FileResult, attention: bool = False) -> dict:
    """The JSON form of a result; `attention` is null unless it is asked for."""
    result = file_result.result
    shown = None
    if result and attention:
        shown = {
            "grid": [[round(float(cell), 4) for cell in row] for row in result.attention],
            "height": result.attention.shape[0],
            "width": result.attention.shape[1],
            "box": result.box._asdict(),
        }
    return {
        "file": file_result.file,
        "status": file_result.status,
        "reason": file_result.reason,
        "message": file_result.message,
        "label": result.label if result else None,
        "probabilities": (
            {label: round(p, 6) for label, p in result.probabilities.items()} if result else None
        ),
        "uncertain": result.uncertain if result else None,
        "model": result.model if result else None,
        "attention": shown,
        "timings_ms": file_result.timings_ms,
    }


def _json_lines(
    file_results: Iterable[FileResult], _paths: tuple[Path, ...], attention: bool
) -> Counter[str]:
    statuses: Counter[str] = Counter()
    for file_result in file_results:
        statuses[file_result.status] += 1
        # Pure ASCII: a file name that is no text would otherwise stop the output half way.
        click.echo(json.dumps(as_dict(file_result, attention), ensure_ascii=True))
        sys.stdout.flush()
    return statuses


def _table(
    file_results: Iterable[FileResult], paths: tuple[Path, ...], _attention: bool
) -> Counter[str]:
    # Here, since --json is for programs that want the first line soon.
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    statuses: Counter[str] = Counter()
    table = Table(caption=DISCLAIMER)
    table.add_column("file", overflow="fold")
    table.add_column("result")
    for label in LABELS:
        table.add_column(label, justify="right")
    reasons: dict[str, list[str]] = {}
    model = "no image classified"
    for file_result in _with_progress(file_results, count(paths)):
        statuses[file_result.status] += 1
        result = file_result.result
        if result:
            model = result.model
            shares = [f"{result.probabilities[label]:.1%}" for label in LABELS]
            doubt = " (uncertain)" if result.uncertain else ""
            table.add_row(escape(file_result.file), result.label + doubt, *shares)
        else:
            table.add_row(escape(file_result.file), f"{file_result.status}: {file_result.reason}")
            reasons.setdefault(file_result.message, []).append(file_result.file)
    table.title = ", ".join(f"{n} {status}" for status, n in sorted(statuses.items()))
    table.title += f" ({model})"
    console = Console()
    console.print(table)
    for message, files in reasons.items():
        console.print(f"[bold]{escape(', '.join(files))}[/]: {escape(message)}", highlight=False)
    return statuses


def _with_progress(file_results: Iterable[FileResult], total: int) -> Iterator[FileResult]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("classifying", total=total)
        for file_result in file_results:
            progress.advance(task)
            yield file_result
