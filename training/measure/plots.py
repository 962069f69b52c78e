"""Pictures for the report, as PNG bytes."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from model.drawing.maps import overlay_png, png
from model.drawing.pictures import grey
from training.data.reading import read
from training.measure.evaluate import Answers
from training.measure.metrics import calibration

# One for each label; as many as a model may have.
COLOURS = (
    "#b5402a",
    "#2a7f62",
    "#2f5fa8",
    "#8a6d1d",
    "#7b4a9e",
    "#3f8fa3",
    "#a34a78",
    "#5d6b2f",
    "#6e5347",
    "#555555",
)


def history(file: Path) -> bytes:
    """Loss and accuracy per epoch, from Keras' history CSV."""
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split, column in (("train", name), ("val", f"val_{name}")):
            axes.plot(epochs, [float(row[column]) for row in rows], marker="o", label=split)
        axes.set(title=name, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
    return _png(figure)


def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> bytes:
    """counts: (K, K), true class by predicted class."""
    shares = np.array(counts) / np.maximum(np.sum(counts, axis=1, keepdims=True), 1)
    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{counts[row][column]}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set(title="confusion", xlabel="predicted", ylabel="true")
    return _png(figure)


def curves(answers: Answers) -> bytes:
    """ROC and precision-recall, one line a class against the others."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    roc, pr = figure.subplots(1, 2)
    roc.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for number, label in enumerate(answers.labels):
        positive = answers.targets == number
        if not positive.any() or positive.all():
            continue
        score, colour = answers.probabilities[:, number], COLOURS[number]
        false, true, _ = roc_curve(positive, score)
        precision, recall, _ = precision_recall_curve(positive, score)
        area = f"{label} {roc_auc_score(positive, score):.3f}"
        roc.plot(false, true, color=colour, label=area)
        pr.plot(recall, precision, color=colour, label=label)
    roc.set(title="ROC (area)", xlabel="1 - specificity", ylabel="sensitivity")
    pr.set(title="precision and recall", xlabel="recall", ylabel="precision", ylim=(0, 1.02))
    for axes in (roc, pr):
        if axes.get_legend_handles_labels()[1]:
            axes.legend()
    return _png(figure)


def reliability(answers: Answers) -> bytes:
    """How often the answer is right, by how sure the network says it is."""
    figure = Figure(figsize=(4.4, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    bins = calibration(answers.targets, answers.probabilities)
    shares, confidences, accuracies = (np.array(column) for column in zip(*bins, strict=True))
    axes.scatter(confidences, accuracies, s=20 + 400 * shares, color=COLOURS[2], alpha=0.6)
    axes.set(
        title="reliability (size: share of images)",
        xlabel="highest probability",
        ylabel="share that is right",
        xlim=(1 / len(answers.labels) - 0.03, 1.02),
        ylim=(-0.05, 1.05),
    )
    return _png(figure)


def examples(answers: Answers, each: int = 4) -> bytes:
    """A row for each class: X-rays with the main map over them, first the right, then the wrong.

    each: how many right and how many wrong ones.
    """
    predicted = answers.probabilities.argmax(axis=1)
    random = np.random.default_rng(0)
    classes = len(answers.labels)
    figure = Figure(figsize=(4.2 * each, 2.7 * classes), layout="constrained")
    grid = figure.subplots(classes, 2 * each, squeeze=False)
    for axes in grid.ravel():
        axes.axis("off")
    for number, row in enumerate(grid):
        right = (answers.targets == number) & (predicted == number)
        wrong = (answers.targets == number) & (predicted != number)
        for group, places in ((right, row[:each]), (wrong, row[each:])):
            chosen = random.permutation(np.flatnonzero(group))
            for axes, image in zip(places, chosen, strict=False):
                _example(axes, answers, image, "black" if group is right else COLOURS[0])
    return _png(figure)


def _example(axes, answers: Answers, number: int, colour: str) -> None:
    sample, said = answers.samples[number], answers.probabilities[number]
    xray, grids = grey(read(sample), max_side=320), answers.main_map
    shown = png(xray) if grids is None else overlay_png(xray, grids[number], answers.boxes[number])
    axes.imshow(np.asarray(Image.open(io.BytesIO(shown))))
    result = f"called {answers.labels[said.argmax()]} {said.max():.2f}"
    axes.set_title(f"{sample.label}\n{result}", fontsize=8, color=colour)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
