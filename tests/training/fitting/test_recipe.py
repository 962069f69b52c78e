"""Recipes: those of the package load, and a wrong one is refused in a sentence."""

import pytest

pytest.importorskip("skimage")

from model.preprocess import Preprocessing
from training.errors import TrainingError
from training.fitting.recipe import RECIPES, load_recipe

MINIMAL = """name = "tiny"
version = "0.1.0"
labels = ["A", "B"]
architecture = "vgg_attention"
[config]
final_pool = true
"""


@pytest.mark.parametrize("name", sorted(file.stem for file in RECIPES.glob("*.toml")))
def test_every_recipe_of_the_package(name):
    recipe = load_recipe(name)

    assert recipe.labels == ("COVID19", "NORMAL", "PNEUMONIA")
    assert recipe.epochs >= 1
    assert recipe.name.startswith(recipe.architecture)


def test_a_file_of_ones_own(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(
        MINIMAL + "[preprocessing]\nsize = 32\nborder = 0.1\n[augmentation]\nflip = 0\n"
    )
    recipe = load_recipe(str(file))

    assert (recipe.name, recipe.version, recipe.labels) == ("tiny", "0.1.0", ("A", "B"))
    assert recipe.network_config == {"final_pool": True, "size": 32, "classes": 2}
    assert recipe.preprocessing.border == 0.1
    assert recipe.augmentation.flip == 0
    assert recipe.augmentation.rotation > 0


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(TrainingError, match=r"'realeased'.*article, .*, released"):
        load_recipe("realeased")


def test_unknown_settings_are_named(tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text("epoch = 3\nlearning_rat = 1\n" + MINIMAL)
    with pytest.raises(TrainingError, match="epoch, learning_rat"):
        load_recipe(str(file))


@pytest.mark.parametrize(
    ("line", "replaced", "message"),
    [
        ('labels = ["A", "B"]', "", "lacks: labels"),
        ('["A", "B"]', '["A"]', "2 to 10 labels"),
        ("vgg_attention", "x", "no network 'x'"),
        ("final_pool = true", "size = 32", "Set size in"),
    ],
)
def test_a_recipe_that_cannot_be_used(tmp_path, line, replaced, message):
    file = tmp_path / "wrong.toml"
    file.write_text(MINIMAL.replace(line, replaced))
    with pytest.raises(TrainingError, match=message):
        load_recipe(str(file))


def test_the_networks_own_input_is_what_a_recipe_starts_from(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(MINIMAL + "[preprocessing]\nborder = 0.1\n")
    assert load_recipe(str(file)).preprocessing == Preprocessing(size=150, border=0.1)


def test_a_file_that_is_no_toml(tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text("epochs 3")
    with pytest.raises(TrainingError, match=r"wrong\.toml is not TOML.*line 1"):
        load_recipe(str(file))
