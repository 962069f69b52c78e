"""Recipes: those of the package load, and a wrong one is refused in a sentence."""

import pytest

pytest.importorskip("skimage")

from training.errors import TrainingError
from training.fitting.recipe import RECIPES, load_recipe

MINIMAL = 'name = "tiny"\nversion = "0.1.0"\narchitecture = "vgg_attention"\n[config]\nsize = 32\n'


@pytest.mark.parametrize("name", sorted(file.stem for file in RECIPES.glob("*.toml")))
def test_every_recipe_of_the_package(name):
    recipe = load_recipe(name)

    assert recipe.config["size"] == recipe.preprocessing.size
    assert recipe.epochs >= 1
    assert recipe.name.startswith(recipe.architecture)


def test_a_file_of_ones_own(tmp_path):
    file = tmp_path / "tiny.toml"
    file.write_text(
        MINIMAL + "[preprocessing]\nsize = 32\nborder = 0.1\n[augmentation]\nflip = 0\n"
    )
    recipe = load_recipe(str(file))

    assert (recipe.name, recipe.version, recipe.config) == ("tiny", "0.1.0", {"size": 32})
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


def test_a_file_that_is_no_toml(tmp_path):
    file = tmp_path / "wrong.toml"
    file.write_text("epochs 3")
    with pytest.raises(TrainingError, match=r"wrong\.toml is no TOML.*line 1"):
        load_recipe(str(file))
