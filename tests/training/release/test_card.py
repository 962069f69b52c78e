"""The model card says what the metadata of both models says: nothing older, nothing nicer."""

from pathlib import Path

import pytest

from model.artifact import REFERENCE, RELEASED, load_artifact
from training.release.card import rounding, table

CARD = (Path(__file__).parents[3] / "MODEL_CARD.md").read_text()
both = pytest.mark.parametrize("folder", [RELEASED, REFERENCE], ids=lambda folder: folder.name)


@both
def test_the_card_is_about_the_models_that_ship(folder):
    assert load_artifact(folder).version in CARD


@both
def test_every_figure_is_the_measured_one(folder):
    assert table(load_artifact(folder).metadata) in CARD


@both
def test_what_rounding_costs_is_the_measured_one(folder):
    assert rounding(load_artifact(folder).metadata) in CARD
