"""`cxr train` and `cxr export`, as a user runs them."""

import csv
import json
import os
import shutil
from dataclasses import replace

import pytest

from model.artifact import load_artifact
from tests.support.commands import cxr, one_sentence
from tests.support.toys import LABELS

VGG16 = "CXR_VGG16_WEIGHTS"

pytestmark = pytest.mark.usefixtures("narrow")


def history(run) -> list[int]:
    with (run.folder / "history.csv").open(newline="") as opened:
        return [int(row["epoch"]) for row in csv.DictReader(opened)]


def test_train_leaves_a_model_and_a_report(trained, said):
    assert load_artifact(trained.artifact).version == "stripes-0.1.0"
    assert json.loads((trained.folder / "report.json").read_text())["n"] == 12
    assert 'alt="history"' in (trained.folder / "report.html").read_text()
    assert history(trained) == [0]
    assert "stripes-0.1.0, split test" in said
    assert f"The model is in {trained.artifact}" in said


def test_resume_goes_on_and_keeps_the_best_weights_of_before(copied, monkeypatch):
    """Epoch 0 is given a loss that no later one can reach."""
    from training.fitting.batches import FeatureBatches

    epochs = []
    begin = FeatureBatches.begin
    monkeypatch.setattr(
        FeatureBatches,
        "begin",
        lambda batches, epoch: (epochs.append(epoch), begin(batches, epoch)),
    )
    rows = (copied.folder / "history.csv").read_text().splitlines()
    columns, values = rows[0].split(","), rows[1].split(",")
    values[columns.index("val_loss")] = "0.0"
    (copied.folder / "history.csv").write_text(",".join(columns) + "\n" + ",".join(values) + "\n")
    best = (copied.folder / "best.keras").read_bytes()
    last = (copied.folder / "last.keras").read_bytes()
    shutil.rmtree(copied.artifact)

    result = cxr(
        *("train", "--recipe", copied.recipe, "--data", copied.data, "--out", copied.folder),
        *("--cache", copied.cache, "--resume"),
        CXR_VGG16_WEIGHTS=str(copied.vgg16),
    )

    assert result.exit_code == 0, result.output
    assert history(copied) == [0, 1]
    assert epochs[-1] == 1  # and not the batches of epoch 0 once more
    assert (copied.folder / "best.keras").read_bytes() == best
    assert (copied.folder / "last.keras").read_bytes() != last
    assert load_artifact(copied.artifact).version == "stripes-0.1.0"


def test_a_run_is_not_resumed_with_another_recipe(copied):
    other = copied.folder / "other.toml"
    other.write_text(copied.recipe.read_text().replace("batch = 6", "batch = 4"))
    result = cxr(
        *("train", "--recipe", other, "--data", copied.data, "--out", copied.folder, "--resume"),
        CXR_VGG16_WEIGHTS=str(copied.vgg16),
    )
    one_sentence(result, "begun with batch = 6 (now 4)", "without --resume")


def test_a_run_that_diverges_does_not_release_the_network_of_the_run_before(copied):
    recipe = copied.folder / "hot.toml"
    recipe.write_text(copied.recipe.read_text().replace("1e-3", "1e30"))
    result = cxr(
        *("train", "--recipe", recipe, "--data", copied.data, "--out", copied.folder),
        *("--cache", copied.cache),
        CXR_VGG16_WEIGHTS=str(copied.vgg16),
    )
    assert result.exit_code == 1
    assert "diverged" in result.stderr


def test_mistakes_of_train_and_export_are_one_sentence(trained, tmp_path):
    given = ("--data", trained.data, "--out", tmp_path / "run")
    one_sentence(cxr("train", "--recipe", "none", *given), "no recipe 'none'", "released")
    weights = {"CXR_VGG16_WEIGHTS": str(tmp_path / "none.h5")}
    one_sentence(
        cxr("train", "--recipe", trained.recipe, *given, **weights), "CXR_VGG16_WEIGHTS", "none.h5"
    )
    one_sentence(cxr("export", tmp_path, "--recipe", trained.recipe, *given), "best.keras")


def test_a_missing_image_stops_training_and_is_named(trained, tmp_path):
    (tmp_path / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    for name in ("none.png", "damaged.png"):
        result = train_on_one(trained, tmp_path, name, times=2)
        assert result.exit_code == 1
        assert name in result.stderr


def test_fewer_images_than_a_batch_are_one_sentence(trained, tmp_path):
    one_sentence(train_on_one(trained, tmp_path, "none.png", times=1), "6 images", "Received: 3")


def test_a_class_without_training_images_is_named(trained, tmp_path):
    result = train_on_one(trained, tmp_path, "none.png", 6, ("NORMAL", "COVID19"))
    one_sentence(result, "No training image of PNEUMONIA", "NORMAL 6, COVID19 6")


def test_data_of_a_column_that_is_not_there(trained, tmp_path):
    """The article's recipe on somebody's manifest; with all data it goes on."""
    (tmp_path / "manifest.csv").write_text(
        "path,label,split\na.png,NORMAL,train\nb.png,NORMAL,test\n"
    )
    given = ("train", "--recipe", "article", "--data", tmp_path, "--out", tmp_path / "run")
    one_sentence(cxr(*given), "no column 'article'", "--all-data")
    weights = {"CXR_VGG16_WEIGHTS": str(trained.vgg16)}
    one_sentence(cxr(*given, "--all-data", **weights), "No training image of COVID19, PNEUMONIA")


def train_on_one(trained, folder, name: str, times: int, labels=LABELS):
    """`cxr train` on an image of that name, several times over, in a folder of each label."""
    for place in (*labels, "val", "test"):
        (folder / place).mkdir(exist_ok=True)
        if (folder / name).is_file():
            shutil.copy(folder / name, folder / place)
    rows = [f"{label}/{name},{label},train,p" for label in labels] * times
    rows += [f"val/{name},COVID19,val,q", f"test/{name},NORMAL,test,r"]
    (folder / "data.csv").write_text("\n".join(("path,label,split,patient", *rows)))
    return cxr(
        *("train", "--recipe", trained.recipe, "--data", folder / "data.csv"),
        *("--out", folder / "run", "--cache", folder / "cache"),
        CXR_VGG16_WEIGHTS=str(trained.vgg16),
    )


def test_data_without_a_split_to_measure_on_are_refused_before_the_training(trained, tmp_path):
    for name in ("train", "val"):
        shutil.copytree(trained.data / name, tmp_path / "data" / name)
    given = ("train", "--recipe", trained.recipe, "--data", tmp_path / "data")
    one_sentence(cxr(*given, "--out", tmp_path / "run"), "no image of the split test")
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_leaves_nothing_of_the_run_before_to_go_on_from(copied, tmp_path):
    assert (copied.folder / "checkpoint").is_dir()
    data = shutil.copytree(copied.data, tmp_path / "data")
    next((data / "val").rglob("*.png")).write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    result = cxr(
        *("train", "--recipe", copied.recipe, "--data", data, "--out", copied.folder),
        *("--cache", tmp_path / "cache"),
        CXR_VGG16_WEIGHTS=str(copied.vgg16),
    )
    assert result.exit_code == 1
    left = {file.name for file in copied.folder.iterdir()}
    assert not left & {"checkpoint", "best.keras", "last.keras", "history.csv", "lungs.npy"}
    assert "artifact" in left  # which may be in use, and says itself what it is


def test_films_of_judged_patients_are_not_learned_from(trained, tmp_path):
    from training.data.manifest import read_data
    from training.errors import TrainingError
    from training.fitting.fit import train
    from training.fitting.recipe import load_recipe

    os.environ["CXR_VGG16_WEIGHTS"], before = str(trained.vgg16), os.environ.get(VGG16)
    recipe = replace(load_recipe(str(trained.recipe)), batch=1000)
    samples = read_data(trained.data, recipe.classes)
    judged = next(one for one in samples if one.split == "val")
    unsure = [replace(judged, split="train"), replace(judged, split="train", patient="another")]
    try:
        with pytest.raises(TrainingError, match="Received: 13 and 12"):
            train(recipe, samples, tmp_path / "run", tmp_path / "cache", unsure=unsure)
    finally:
        os.environ.pop(VGG16) if before is None else os.environ.update({VGG16: before})


def test_data_must_be_named():
    for command in ("train", "evaluate"):
        result = cxr(command)
        assert result.exit_code == 2
        assert "--data" in result.stderr or "--manifest" in result.stderr


def test_the_only_source_cannot_be_left_out(trained):
    result = cxr("train", "--recipe", trained.recipe, "--data", trained.data, "--leave-out", "us")

    assert result.exit_code == 1
    assert "'us' cannot be left out. The data have: stripes." in result.output
