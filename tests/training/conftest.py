"""A whole training run on pictures of stripes, made once a session with the real commands."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import click.testing
import pytest

from tests.support.commands import cxr
from tests.support.toys import SIZE, toy_folders

RECIPE = f"""
name = "stripes"
version = "0.1.0"
labels = ["COVID19", "NORMAL", "PNEUMONIA"]
architecture = "vgg_attention"
copies = 1
epochs = 2
batch = 6
learning_rate = 1e-3
lungs = 1.0
[preprocessing]
size = {SIZE}
"""


@dataclass(frozen=True)
class Run:
    """What `cxr train` left behind, and what it was given."""

    folder: Path
    data: Path
    recipe: Path
    cache: Path
    vgg16: Path
    result: click.testing.Result

    @property
    def artifact(self) -> Path:
        return self.folder / "artifact"


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Run:
    """`cxr train` on 36 pictures, from a VGG16 of random weights; leave it alone."""
    keras = pytest.importorskip("keras")
    folder = tmp_path_factory.mktemp("training")
    vgg16 = folder / "vgg16.weights.h5"
    keras.applications.VGG16(include_top=False, weights=None).save_weights(vgg16)
    recipe = folder / "stripes.toml"
    recipe.write_text(RECIPE)
    data, run, cache = toy_folders(folder / "stripes"), folder / "run", folder / "cache"
    result = cxr(
        *("train", "--recipe", recipe, "--data", data, "--out", run, "--cache", cache),
        *("--epochs", 1),
        CXR_VGG16_WEIGHTS=str(vgg16),
    )
    return Run(run, data, recipe, cache, vgg16, result)


@pytest.fixture
def copied(trained, tmp_path) -> Run:
    """A copy of the run, to change."""
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    return Run(folder, trained.data, trained.recipe, trained.cache, trained.vgg16, trained.result)
