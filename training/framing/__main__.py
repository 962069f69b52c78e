"""Teach the finder of lungs, and measure it on patients that it has not seen.

    CXR_DATA=folder python -m training.framing            # writes model/framing/lungs.tflite: 5 min
    CXR_DATA=folder python -m training.framing --measure  # measures the released one only

Taught on the split `train` with `lung_boxes.csv` (also the films of `unsure.csv`) and the lung
masks, chosen on `val`, measured on `test`.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from model.framing.box import Box
from model.framing.lungs import MODEL_FILE, LungFinder
from training.data.manifest import read_data, read_unsure
from training.data.option import DATA_FOLDER
from training.data.reading import read
from training.data.samples import Classes, Sample
from training.data.splits import of_split
from training.errors import training_errors
from training.framing.views import Film, films
from training.gate.fitting import print_share

# Which they are does not matter here: lungs are lungs.
LABELS = ("COVID19", "NORMAL", "PNEUMONIA")


def overlap(first: Box, second: Box) -> float:
    """Intersection over union."""
    width = min(first.right, second.right) - max(first.left, second.left)
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    both = max(0.0, width) * max(0.0, height)
    areas = ((b.right - b.left) * (b.bottom - b.top) for b in (first, second))
    return both / (sum(areas) - both)


def report(finder: LungFinder, marked: Sequence[Film], samples: Sequence[Sample]) -> None:
    """Print the overlap with people's boxes by source, films without a box, and the time."""
    for source in sorted({film.sample.source for film in marked}):
        of_source = [film for film in marked if film.sample.source == source]
        found = [overlap(finder.find(read(f.sample).pixels).box, f.box) for f in of_source]
        low, middle = np.quantile(found, (0.05, 0.5))
        print(
            f"  {source:12} n {len(found):4}  mean overlap {np.mean(found):.3f}, median "
            f"{middle:.3f}, worst twentieth {low:.3f}, over 0.7: "
            f"{np.mean(np.array(found) > 0.7):.3f}"
        )
    print("Lungs not found, the whole film is used")
    for source in sorted({sample.source for sample in samples}):
        pixels = [read(sample).pixels for sample in samples if sample.source == source]
        print_share(source, np.array([not finder.find(one).found for one in pixels]))
    began = time.perf_counter()
    for _ in range(100):
        finder.find(pixels[0])
    print(f"{(time.perf_counter() - began) * 10:.2f} ms per image")


@click.command()
@DATA_FOLDER
@click.option("--measure", is_flag=True, help="Measure the released one only.")
def main(data: Path, measure: bool) -> None:
    """Teach the finder of lungs, and measure it on patients that it has not seen."""
    with training_errors():
        samples = read_data(data, Classes(LABELS))
        known = [*samples, *read_unsure(data)]
        if not measure:
            from training.framing.fitting import fit

            taught, judged = (films(data, of_split(known, split)) for split in ("train", "val"))
            MODEL_FILE.write_bytes(fit(taught, judged))
        finder = LungFinder()
        for split in ("val", "test"):
            click.echo(f"`{split}`: boxes of people")
            report(finder, films(data, of_split(known, split)), of_split(samples, split))


if __name__ == "__main__":
    main()
