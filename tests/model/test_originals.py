"""Films as their sources publish them, against the small copies that the model is measured on.

A film is the same film at any size. The goal is the same label and every probability within 0.05
for 38 of the 40 originals. The second is not reached: 38 and 26 of 40 with 2.2.0 (37 and 27 with
2.1.0, docs/model-development.md), so that both are only kept from getting worse. Nine originals
have no copy in the manifest any more (its version 2 left their images out): one is made here, the
same way.
"""

import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image

from model.artifact import load_artifact
from model.classifier import Classifier
from model.input.prepared import prepare_file

MOST_APART = 0.05
LEAST_SAME_LABEL, LEAST_CLOSE = 38, 26


def small_copy(file: Path) -> bytes:
    """A grey JPEG of at most 400 pixels on the longer side, as the manifest's images are."""
    with Image.open(file) as opened:
        small = opened.convert("L")
    small.thumbnail((400, 400), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, "JPEG", quality=90)
    return written.getvalue()


def test_originals_and_their_small_copies(training_data):
    artifact = load_artifact()
    classifier = Classifier.load()
    folder = training_data / "originals"
    with (folder / "index.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len(rows) == 40
    same_label, close = [], []
    for row in rows:
        original = folder / row["file"]
        known = row["manifest_path"]
        copy = training_data / known if known else small_copy(original)
        pair = [prepare_file(file, artifact.preprocessing, gate=False) for file in (original, copy)]
        one, other = classifier.classify(pair)
        shares = [list(result.probabilities.values()) for result in (one, other)]
        same_label.append(one.label == other.label)
        close.append(np.abs(np.subtract(*shares)).max() <= MOST_APART)
    assert sum(same_label) >= LEAST_SAME_LABEL
    assert sum(close) >= LEAST_CLOSE
