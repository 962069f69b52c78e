"""The tables of figures for the model card.

python -m training.release.card    # of the released model and the reference, for MODEL_CARD.md
"""

from typing import Any

from model.artifact import REFERENCE, RELEASED, load_artifact
from training.measure.text import heading, shown, with_interval


def table(metadata: dict[str, Any]) -> str:
    """Markdown: a column for all images and one for each source, with 95 % intervals."""
    metrics = metadata["metrics"]
    parts = {"all": metrics, **metrics["sources"]}
    rows = [
        ["`test`", *parts],
        ["---"] * (len(parts) + 1),
        ["images / patients", *(f"{part['n']} / {part['patients']}" for part in parts.values())],
        *(
            [heading(name), *(with_interval(part["figures"][name]) for part in parts.values())]
            for name in shown(metrics)
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def rounding(metadata: dict[str, Any]) -> str:
    """What int8 costs, in a sentence."""
    found = metadata["int8"]
    return (
        f"int8 against float32 on the {found['n']} images of `test`: "
        f"{found['label_agreement']:.1%} the same label, probabilities "
        f"{found['mean_absolute_difference']:.4f} apart on average."
    )


if __name__ == "__main__":
    for folder in (RELEASED, REFERENCE):
        found = load_artifact(folder).metadata
        print(table(found), rounding(found), sep="\n\n", end="\n\n")
