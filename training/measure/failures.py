"""Where the network looks, when it is right and when it is wrong: the picture of the model card.

python -m training.measure.failures docs/failures.png      # CXR_DATA: the data; some minutes
"""

import io
import os
from pathlib import Path

import click
import data_store
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from PIL import Image

from model.artifact import load_artifact
from model.drawing.maps import colour_map, overlay_png
from model.drawing.pictures import grey
from model.engines import load_engine
from model.reading.radiograph import decode
from training.data.manifest import read_data
from training.data.option import DATA
from training.data.samples import Classes, Sample
from training.data.splits import of_split
from training.measure.evaluate import Answers, ask

# A chest of the 1990s with dense opacities, from pydicom-data (MIT): it may be shown. The X-rays of
# the data are not published, so of those only mean maps are drawn.
EXAMPLE = Path(data_store.__file__).parent / "data" / "RG1_UNCR.dcm"


def picture(example: Answers, tested: Answers) -> Figure:
    """The example, and the mean map of `tested` for each true and predicted class."""
    figure = Figure(figsize=(12, 6), dpi=80, layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.5))
    _draw_example(left, example)
    _draw_means(right, tested)
    return figure


def _draw_example(figure, example: Answers) -> None:
    shown = grey(decode(EXAMPLE), max_side=500)
    overlay = overlay_png(shown, example.main_map[0], example.boxes[0])
    axes = figure.subplots()
    axes.imshow(np.asarray(Image.open(io.BytesIO(overlay))))
    axes.axis("off")
    said = example.probabilities[0]
    axes.set_title(f"RG1, 1990s: called {example.labels[said.argmax()]} {said.max():.2f}")


def _draw_means(figure, tested: Answers) -> None:
    called = tested.probabilities.argmax(axis=1)
    colours = ListedColormap(colour_map() / 255)
    labels = tested.labels
    grid = figure.subplots(len(labels), len(labels))
    for (true, said), axes in np.ndenumerate(grid):
        chosen = (tested.targets == true) & (called == said)
        axes.set(xticks=[], yticks=[])
        axes.set_title(f"n = {chosen.sum()}", fontsize=9)
        if chosen.any():
            mean = tested.main_map[chosen].mean(axis=0)
            axes.imshow(mean, cmap=colours, vmin=0, vmax=1, interpolation="bicubic")
        if said == 0:
            axes.set_ylabel(labels[true])
        if true == len(labels) - 1:
            axes.set_xlabel(labels[said])
    figure.supylabel("true")
    figure.supxlabel("called")
    figure.suptitle("mean attention on `test`, 0 (black) to 1 (pale yellow)", fontsize=10)


@click.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@DATA
def main(out: Path, data: Path) -> None:
    """Draw where the released model looks into the file OUT."""
    model = load_artifact()
    engine = load_engine(model, "cpu", os.cpu_count() or 1)
    # Its true label is unknown; it was taken long before 2019, so it is not COVID19.
    shown = [Sample(EXAMPLE, "PNEUMONIA", "test", "RG1", "pydicom-data")]
    example = ask(engine, model, shown, gate=False)
    tested = of_split(read_data(data, Classes(model.labels)), "test")
    picture(example, ask(engine, model, tested, gate=False)).savefig(out)


if __name__ == "__main__":
    main()
