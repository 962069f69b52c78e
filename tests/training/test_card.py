"""The model card says what the released model's metadata says: nothing older, nothing nicer."""

from pathlib import Path

from model.artifact import load_artifact
from training.card import rounding, table

CARD = (Path(__file__).parents[2] / "MODEL_CARD.md").read_text()


def test_the_card_is_about_the_released_model():
    assert load_artifact().version in CARD


def test_every_figure_is_the_measured_one():
    assert table(load_artifact().metadata) in CARD


def test_what_rounding_costs_is_the_measured_one():
    assert rounding(load_artifact().metadata) in CARD
