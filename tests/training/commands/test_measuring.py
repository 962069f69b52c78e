"""`cxr evaluate`, as a user runs it."""

import json
import shutil

import pytest
from PIL import Image

from tests.support.commands import cxr, one_sentence
from tests.support.toys import LABELS

pytestmark = pytest.mark.usefixtures("narrow")


def evaluate(run, *arguments: object):
    return cxr("evaluate", "--artifact", run.artifact, "--no-gate", *arguments)


def test_evaluate_a_manifest_as_json(trained, tmp_path):
    shutil.copytree(trained.data / "test", tmp_path / "images")
    mask = Image.new("1", (80, 80), 1)
    mask.save(tmp_path / "lungs.png")
    lines = [
        f"images/{label}/{n}.png,{label},{label}-{n},hospital-{n % 2},lungs.png"
        for label in LABELS
        for n in range(4)
    ]
    lines.append("images/none.png,NORMAL,x,hospital-0,")
    manifest = tmp_path / "ours.csv"
    manifest.write_text("\n".join(("path,label,patient,source,lung_mask", *lines)))
    result = evaluate(trained, "--manifest", manifest, "--json", "--prevalence", "0.2")

    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert (figures["n"], figures["patients"]) == (12, 12)
    assert {source: part["n"] for source, part in figures["sources"].items()} == {
        "hospital-0": 6,
        "hospital-1": 6,
    }
    assert figures["ppv"]["prevalence"] == 0.2
    assert figures["refused"]["reasons"] == {"unreadable": 1}
    assert figures["refused"]["images"][0]["path"].endswith("none.png")
    assert figures["lung_attention"]["n"] == 12
    assert figures["lung_attention"]["figures"]["attention_in_lungs"]["value"] == 1


def test_evaluate_for_people_with_a_report(trained, tmp_path):
    result = evaluate(trained, "--manifest", trained.data, "--report", tmp_path / "report")

    assert result.exit_code == 0, result.output
    assert "normals called COVID19" in result.stdout
    assert "not a diagnosis" in result.stdout
    assert (tmp_path / "report" / "report.html").is_file()
    assert 'alt="history"' not in (tmp_path / "report" / "report.html").read_text()


def test_evaluate_in_a_narrow_terminal_keeps_its_words(trained):
    from click.testing import CliRunner

    from cxr import main

    arguments = ["evaluate", "--artifact", str(trained.artifact), "--no-gate"]
    result = CliRunner().invoke(
        main, [*arguments, "--manifest", str(trained.data)], env={"COLUMNS": "30"}
    )
    assert "normals called COVID19" in result.stdout


def test_both_engines_say_nearly_the_same(trained):
    int8, exact = (
        json.loads(
            evaluate(trained, "--manifest", trained.data, "--engine", engine, "--json").stdout
        )
        for engine in ("litert", "keras")
    )
    assert (int8["engine"], exact["engine"]) == ("litert", "keras")
    assert int8["figures"]["brier"]["value"] == pytest.approx(
        exact["figures"]["brier"]["value"], abs=0.05
    )


def test_evaluate_takes_the_model_that_is_served(trained):
    """What CXR_ARTIFACT names is what `cxr up` serves: its figures are asked for, not others."""
    data = ("--manifest", trained.data, "--no-gate", "--json")
    result = cxr("evaluate", *data, CXR_ARTIFACT=str(trained.artifact))
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["model"] == "stripes-0.1.0"


def test_the_gate_refuses_stripes(trained):
    result = cxr("evaluate", "--artifact", trained.artifact, "--manifest", trained.data)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: None of 12 images could be classified.")


def test_mistakes_of_evaluate_are_one_sentence(trained, tmp_path):
    one_sentence(evaluate(trained, "--manifest", tmp_path), "folders named COVID19")
    one_sentence(
        evaluate(trained, "--manifest", trained.data, "--split", "holdout"), "no images", "holdout"
    )
    leak = tmp_path / "leak.csv"
    leak.write_text("path,label,split,patient\na,NORMAL,train,p1\nb,NORMAL,test,p1\n")
    one_sentence(evaluate(trained, "--manifest", leak), "Patient 'p1'")
    nowhere = cxr("evaluate", "--artifact", tmp_path / "none", "--manifest", trained.data)
    one_sentence(nowhere, "There is no model in")
    blocked = tmp_path / "file"
    blocked.touch()
    one_sentence(
        evaluate(trained, "--manifest", trained.data, "--report", blocked / "below"), str(blocked)
    )


def test_evaluate_takes_each_row_by_the_split_that_it_names(trained, tmp_path):
    """None becomes `val`; and where there are no splits, all are to measure on."""
    shutil.copytree(trained.data / "train", tmp_path / "unsplit")
    shutil.copytree(trained.data / "train", tmp_path / "split" / "train")
    for arguments in ((tmp_path / "unsplit",), (tmp_path / "split", "--split", "train")):
        result = evaluate(trained, "--json", "--manifest", *arguments)
        assert json.loads(result.stdout)["n"] == 12, result.output
