"""A whole training run on pictures of stripes, made once a test run with the real commands."""

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.commands import cxr
from tests.support.engines import without_search
from tests.support.shared import made_once
from tests.support.toys import STRIPES, toy_folders

RECIPE = f"copies = 1\nepochs = 2\nlungs = 1.0\n{STRIPES}"


@dataclass(frozen=True)
class Run:
    """What `cxr train` left behind, and what it was given."""

    folder: Path
    data: Path
    recipe: Path
    cache: Path
    vgg16: Path

    @property
    def artifact(self) -> Path:
        return self.folder / "artifact"


@pytest.fixture(scope="session")
def trained() -> Run:
    """`cxr train` on 36 pictures, from a VGG16 of random weights; leave it alone."""
    pytest.importorskip("keras")
    folder = made_once("trained", _train)
    return Run(
        folder / "run",
        folder / "stripes",
        folder / "stripes.toml",
        folder / "cache",
        folder / "vgg16.weights.h5",
    )


@pytest.fixture(scope="session")
def said(trained) -> str:
    """What the command of `trained` printed."""
    return json.loads((trained.folder.parent / "said.json").read_text())


def _train(folder: Path) -> None:
    import keras

    from tests.support.narrow import narrow_vgg

    vgg16, recipe = folder / "vgg16.weights.h5", folder / "stripes.toml"
    recipe.write_text(RECIPE)
    data = toy_folders(folder / "stripes")
    with narrow_vgg(), without_search():
        keras.applications.VGG16(include_top=False, weights=None).save_weights(vgg16)
        result = cxr(
            *("train", "--recipe", recipe, "--data", data, "--out", folder / "run"),
            *("--cache", folder / "cache", "--epochs", 1),
            CXR_VGG16_WEIGHTS=str(vgg16),
        )
    assert result.exit_code == 0, result.output
    (folder / "said.json").write_text(json.dumps(result.stdout))


@pytest.fixture
def copied(trained, tmp_path) -> Run:
    """A copy of the run, to change."""
    return replace(trained, folder=shutil.copytree(trained.folder, tmp_path / "run"))
