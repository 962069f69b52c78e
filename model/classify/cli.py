"""`cxr classify`: the same decoding, gate and network as the workers use, with no server."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import click

from model import DISCLAIMER
from model.classifier import Classifier
from model.classify.map_files import MapFolder
from model.classify.results import FileResult, classify_files
from model.classify.sources import count, walk
from model.errors import ModelError

T = TypeVar("T")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object per line, as results arrive."
)
@click.option(
    "--maps",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write DIR/NAME.npz for each classified file: its maps, and `box`, the part of the X-ray "
    "that they cover (left, top, right, bottom as fractions). Created if missing; files of the "
    "same name are replaced.",
)
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
    paths: tuple[Path, ...], as_json: bool, maps: Path | None, device: str, artifact: Path | None
) -> None:
    """Classify X-rays: files, folders and zip archives (JPEG, PNG, WEBP, TIFF, DICOM).

    `-` is standard input. Research and triage support, not a diagnosis.

    Exit code: 0 when every file got a result (also: rejected), 1 when one failed, 2 for wrong use,
    130 after Ctrl-C.
    """
    try:
        classifier = Classifier.load(artifact, device)
        folder = MapFolder(maps) if maps else None
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(
            f"The maps cannot be written to {maps}: {error.strerror}."
        ) from None
    file_results = _with_maps(_some(classify_files(classifier, walk(paths)), paths), folder)
    if as_json:
        statuses = _json_lines(file_results)
    else:
        statuses = _table(file_results, paths, classifier.labels)
    sys.exit(1 if statuses["failed"] else 0)


def as_dict(file_result: FileResult, maps: Path | None = None) -> dict:
    """The JSON form of a result. maps: the file that its maps were written to."""
    result, gate = file_result.result, file_result.gate
    triage = result.triage if result else None
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
        "uncertain_reasons": list(result.uncertain_reasons) if result else None,
        "triage": (
            {
                "flagged": triage.flagged,
                "score": round(triage.score, 6),
                "threshold": round(triage.threshold, 6),
            }
            if triage
            else None
        ),
        "model": result.model if result else None,
        "gate": {"version": gate.version, "score": round(gate.score, 6)} if gate else None,
        "maps": str(maps) if maps else None,
        "timings_ms": file_result.timings_ms,
    }


def _some(file_results: Iterable[FileResult], paths: Sequence[Path]) -> Iterator[FileResult]:
    """The results; wrong use when there are none, which must not pass for a success."""
    is_empty = True
    for file_result in file_results:
        is_empty = False
        yield file_result
    if is_empty:
        raise click.UsageError(f"There are no files in {', '.join(map(str, paths))}.")


def _with_maps(
    file_results: Iterable[FileResult], folder: MapFolder | None
) -> Iterator[tuple[FileResult, Path | None]]:
    """Each result with the file that its maps were written to."""
    for file_result in file_results:
        written = None
        if folder and file_result.result:
            try:
                written = folder.write(file_result.file, file_result.result)
            except OSError as error:
                raise click.ClickException(
                    f"The maps cannot be written to {folder.path}: {error.strerror}."
                ) from None
        yield file_result, written


def _json_lines(file_results: Iterable[tuple[FileResult, Path | None]]) -> Counter[str]:
    statuses: Counter[str] = Counter()
    for file_result, maps in file_results:
        statuses[file_result.status] += 1
        # Pure ASCII: a file name that is not text would otherwise stop the output half way.
        click.echo(json.dumps(as_dict(file_result, maps), ensure_ascii=True))
        sys.stdout.flush()
    return statuses


def _table(
    file_results: Iterable[tuple[FileResult, Path | None]],
    paths: tuple[Path, ...],
    labels: Sequence[str],
) -> Counter[str]:
    # Here, since --json is for programs that want the first line soon.
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    statuses: Counter[str] = Counter()
    table = Table(caption=DISCLAIMER)
    table.add_column("file", overflow="fold")
    table.add_column("result")
    for label in labels:
        table.add_column(escape(label), justify="right")
    reasons: dict[str, list[str]] = {}
    model = "no image classified"
    interruption = None
    try:
        for file_result, _ in _with_progress(file_results, count(paths)):
            statuses[file_result.status] += 1
            result = file_result.result
            if result:
                model = result.model
                shares = [f"{share:.1%}" for share in result.probabilities.values()]
                doubt = " (uncertain)" if result.uncertain else ""
                table.add_row(escape(file_result.file), escape(result.label) + doubt, *shares)
            else:
                why = f"{file_result.status}: {file_result.reason}"
                table.add_row(escape(file_result.file), why)
                reasons.setdefault(file_result.message, []).append(file_result.file)
    except KeyboardInterrupt as error:  # what is known by now is shown
        interruption = error
    table.title = ", ".join(f"{n} {status}" for status, n in sorted(statuses.items()))
    table.title += f" ({model})"
    console = Console()
    console.print(table)
    for message, files in reasons.items():
        console.print(f"[bold]{escape(', '.join(files))}[/]: {escape(message)}", highlight=False)
    if interruption is not None:
        raise interruption
    return statuses


def _with_progress(file_results: Iterable[T], total: int) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("classifying", total=total)
        for file_result in file_results:
            progress.advance(task)
            yield file_result
