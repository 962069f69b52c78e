"""The report of a model: report.json for programs, report.html for people, in one file each."""

import base64
import html
import json
from pathlib import Path
from typing import Any

from model import DISCLAIMER
from training.measure import plots
from training.measure.evaluate import Answers
from training.measure.text import heading, interval, sentences

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
small { color: #666; white-space: nowrap; }
img { max-width: 100%; }
"""


def write_report(
    folder: Path,
    answers: Answers,
    figures: dict[str, Any],
    history: Path | None = None,
) -> None:
    """Write report.json and report.html, with the plots inside it, into `folder`.

    figures: of `training.measure.evaluate.report`, with `model` and `split`.
    history: CSV of Keras, for the plot of the training; None for an evaluation.
    The pictures show X-rays of the data: the report is for whoever may see those.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps(figures, indent=2) + "\n")
    pictures = {
        "confusion": plots.confusion(figures["confusion"], answers.labels),
        "curves": plots.curves(answers),
        "reliability": plots.reliability(answers),
        "examples": plots.examples(answers),
    }
    if history and history.is_file():
        pictures = {"history": plots.history(history)} | pictures
    (folder / "report.html").write_text(_page(figures, pictures))


def _page(figures: dict[str, Any], pictures: dict[str, bytes]) -> str:
    title = html.escape(f"{figures['model']} on the split {figures['split']}")
    images = "\n".join(
        f'<p><img alt="{name}" src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'
        for name, png in pictures.items()
    )
    notes = "\n".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences(figures))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>
<body>
<h1>{title}</h1>
<p>{DISCLAIMER} {figures["n"]} images of {figures["patients"]}
patients; {figures["refused"]["n"]} more were refused or unreadable. 95 % intervals come from
resampling patients; for a share in which all agree, from the rule of three.</p>
{_table(figures)}
{notes}
{images}
{_refused(figures["refused"]["images"])}
</body></html>
"""


def _table(figures: dict[str, Any]) -> str:
    parts = {"all": figures, **figures["sources"]}
    head = "".join(f"<th>{html.escape(name)} ({part['n']})</th>" for name, part in parts.items())
    rows = []
    for name in figures["figures"]:
        cells = "".join(f"<td>{_cell(part['figures'][name])}</td>" for part in parts.values())
        rows.append(f"<tr><td>{html.escape(heading(name))}</td>{cells}</tr>")
    return f"<table><tr><th>figure</th>{head}</tr>{''.join(rows)}</table>"


def _cell(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return "&ndash;"
    return f"{figure['value']:.3f}<br><small>{interval(figure)}</small>"


def _refused(images: list[dict[str, str]]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(image['path'])}</td><td>{html.escape(image['message'])}</td></tr>"
        for image in images
    )
    return f"<h2>Refused or unreadable</h2>\n<table>{rows}</table>" if rows else ""
