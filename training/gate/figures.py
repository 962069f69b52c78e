"""Figures as a library draws them: charts, images with scales, tables, traces, diagrams."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from training.gate.canvas import Random, coloured_noise

WORDS = [
    "age",
    "dose",
    "count",
    "weeks",
    "cases",
    "mean",
    "rate",
    "follow-up",
    "group",
    "A",
    "B",
    "control",
    "ROC",
    "loss",
    "mm",
    "day",
    "n",
]
MAPS = ("gray", "gray_r", "viridis", "hot", "Greys", "bone")


def figure(random: Random, _split: str) -> np.ndarray:
    """One to four plots of random kinds, light or dark, with axes, grids, legends or none."""
    dark = random.random() < 0.25
    paper, ink = ("#111111", "white") if dark else ("white", "black")
    drawn = Figure(figsize=random.uniform(2.2, 4.5, 2), dpi=72, facecolor=paper)
    canvas = FigureCanvasAgg(drawn)
    rows, columns = [(1, 1), (1, 1), (1, 2), (2, 1), (2, 2)][random.integers(5)]
    for axes in drawn.subplots(rows, columns, squeeze=False).ravel():
        axes.set_facecolor(paper)
        PLOTS[random.integers(len(PLOTS))](random, axes)
        axes.tick_params(colors=ink, labelsize=7)
        if random.random() < 0.5:
            axes.grid(alpha=0.5)
        if random.random() < 0.6:
            axes.set_title(" ".join(random.choice(WORDS, 3)), fontsize=8, color=ink)
        if random.random() < 0.2:
            axes.set_axis_off()
    canvas.draw()
    return (
        np.asarray(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("L"), np.float32) / 255
    )


def _lines(random: Random, axes) -> None:
    for _ in range(int(random.integers(1, 6))):
        axes.plot(
            np.cumsum(random.normal(size=int(random.integers(5, 300)))), lw=random.uniform(0.5, 3)
        )


def _bars(random: Random, axes) -> None:
    n = int(random.integers(2, 14))
    draw = axes.bar if random.random() < 0.6 else axes.barh
    draw(np.arange(n), random.random(n) + 0.05, 0.8, color=str(random.uniform(0, 0.9)))


def _area(random: Random, axes) -> None:
    x = np.linspace(0, 1, 80)
    axes.stackplot(x, *(np.abs(np.cumsum(random.normal(size=80))) for _ in range(3)))


def _scatter(random: Random, axes) -> None:
    n = int(random.integers(10, 400))
    axes.scatter(
        *random.normal(size=(2, n)), s=random.uniform(2, 40), c=random.random(n), cmap="gray"
    )


def _histogram(random: Random, axes) -> None:
    axes.hist(random.normal(size=500), bins=int(random.integers(5, 50)), color="0.4")


def _pie(random: Random, axes) -> None:
    n = int(random.integers(2, 7))
    axes.pie(random.random(n) + 0.1, colors=[str(v) for v in random.uniform(0.1, 0.95, n)])


def _image(random: Random, axes) -> None:
    values = coloured_noise(random, random.uniform(0, 3))
    if random.random() < 0.5:
        side = int(random.integers(2, 12))
        values = values[:side, :side]
    axes.imshow(values, cmap=MAPS[random.integers(len(MAPS))])


def _curve(random: Random, axes) -> None:
    x = np.linspace(0, 1, 100)
    for power in random.uniform(1, 6, int(random.integers(1, 4))):
        axes.plot(x, x ** (1 / power), lw=2)
    axes.plot(x, x, "--", color="0.5")
    if random.random() < 0.5:
        axes.fill_between(x, x**0.3, alpha=0.5, color="0.5")


def _trace(random: Random, axes) -> None:
    """Heart beats on paper with squares."""
    x = np.linspace(0, 1, 600)
    beat = (x * random.uniform(5, 15)) % 1
    for row in range(int(random.integers(1, 5))):
        axes.plot(
            x,
            np.exp(-(((beat - 0.5) / 0.02) ** 2)) + 0.03 * random.normal(size=600) - 2 * row,
            "k",
            lw=0.7,
        )
    axes.grid(True, color="0.7")


def _boxes(random: Random, axes) -> None:
    axes.boxplot(random.normal(size=(40, int(random.integers(2, 8)))))


def _table(random: Random, axes) -> None:
    cells = [
        [f"{v:.2f}" for v in row] for row in random.normal(size=(int(random.integers(3, 10)), 4))
    ]
    axes.table(cells, loc="center")
    axes.set_axis_off()


PLOTS = (_lines, _bars, _area, _scatter, _histogram, _pie, _image, _curve, _trace, _boxes, _table)
