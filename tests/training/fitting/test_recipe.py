"""Recipes: those of the package load, and a wrong one is refused in a sentence."""

import pytest

pytest.importorskip("skimage")

from model.input.preprocess import Preprocessing
from training.data.manifest import ALL_DATA
from training.errors import TrainingError
from training.fitting.recipe import RECIPES, load_recipe, on_all_data

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

    four = ("COVID19", "NORMAL", "PNEUMONIA_BACTERIAL", "PNEUMONIA_VIRAL")
    three = ("COVID19", "NORMAL", "PNEUMONIA")
    assert recipe.labels == (four if name == "article_four_classes" else three)
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
    with pytest.raises(
        TrainingError, match=r"at the top: epoch, learning_rat. Did you mean epochs"
    ):
        load_recipe(str(file))


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("final_pol = true", r"in \[config\]: final_pol. Did you mean final_pool\?"),
        ("[augmentation]\nflp = 1.0", r"in \[augmentation\]: flp. Did you mean flip\?"),
        ("[preprocessing]\nboarder = 0", r"in \[preprocessing\]: boarder. Did you mean border\?"),
        ("[teachers]\nrecipe = ['a']", r"in \[teachers\]: recipe. Did you mean recipes\?"),
        ("[data]\ncolum = 'x'", r"in \[data\]: colum. Did you mean column\?"),
        ("[data]\nvalidation = '0.2'", "validation in .data. must be a number. Received: '0.2'"),
        ("[augmentation]\nflip = true", "flip in .augmentation. must be a number. Received: True"),
        (
            "[generator]\nhorizontal_flip = 1",
            "horizontal_flip .* must be true or false. Received: 1",
        ),
        ("[data]\nvalidation = 1.5", "validation must be in 0..1. Received: 1.5"),
    ],
)
def test_a_mistyped_setting_of_a_table_is_named(tmp_path, table, named):
    file = tmp_path / "wrong.toml"
    file.write_text(MINIMAL + table)
    with pytest.raises(TrainingError, match=rf"wrong\.toml cannot be used: .*{named}"):
        load_recipe(str(file))


def test_all_data_is_a_switch_and_another_name():
    recipe = load_recipe("article")
    whole = on_all_data(recipe)

    assert recipe.data.column == "article"
    assert (whole.data, whole.name) == (ALL_DATA, "vgg_attention_article_all_data")
    assert load_recipe("released").data == ALL_DATA


@pytest.mark.parametrize(
    ("line", "replaced", "message"),
    [
        ('labels = ["A", "B"]', "", "lacks: labels"),
        ('["A", "B"]', '["A"]', "2 to 10 labels"),
        ("vgg_attention", "x", "no network 'x'"),
        ("final_pool = true", "size = 32", "Set size in"),
        ('version = "0.1.0"', 'version = "1"\nepochs = 2.5', "epochs at the top .* whole number"),
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
