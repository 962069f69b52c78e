"""`cxr classify`: what it prints, and how it ends."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cxr import main
from model.artifact import load_artifact
from model.classify.cli import DISCLAIMER, classify
from model.classify.results import FileResult
from model.gate.frontal import released
from tests.support.commands import classified

FIELDS = {
    "file",
    "status",
    "reason",
    "message",
    "label",
    "probabilities",
    "uncertain",
    "uncertain_reasons",
    "triage",
    "model",
    "gate",
    "maps",
    "timings_ms",
}


def test_a_chest_and_a_leg(radiographs):
    code, (chest, leg), _ = classified(radiographs["RG1_UNCI"], radiographs["RG3_UNCI"])

    assert code == 0
    assert set(chest) == set(leg) == FIELDS
    assert chest["status"] == "done"
    assert list(chest["probabilities"]) == list(load_artifact().labels)
    assert chest["label"] == max(chest["probabilities"], key=chest["probabilities"].get)
    assert chest["reason"] is chest["message"] is chest["maps"] is None
    assert 0.5 < chest["gate"]["score"] <= 1
    assert chest["timings_ms"]["infer"] > 0
    assert leg["status"] == "rejected"
    assert leg["reason"] == "not_a_chest_xray"
    assert leg["message"].endswith(".")
    assert leg["label"] is leg["probabilities"] is leg["model"] is None


def test_the_gates_score_of_what_it_refuses(folder):
    code, (page,), _ = classified(folder / "b" / "page.png")

    assert code == 0
    assert page["reason"] == "not_a_chest_xray"
    assert page["gate"]["version"] == released().version
    assert 0 <= page["gate"]["score"] < 0.5


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_folder_without_files_is_wrong_use(tmp_path, arguments):
    result = CliRunner().invoke(classify, [*arguments, str(tmp_path)])

    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"There are no files in {tmp_path}." in result.stderr


def test_the_table_says_what_this_is_not(folder):
    result = CliRunner().invoke(classify, [str(folder)], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert DISCLAIMER in result.stdout
    assert "1 done, 2 rejected" in result.stdout
    assert "a text file" in result.stdout


def test_ctrl_c_shows_what_is_known_by_then(folder, monkeypatch):
    def interrupted(*_):
        yield FileResult("a.png", "rejected", "unreadable", "The file is empty.")
        raise KeyboardInterrupt

    monkeypatch.setattr("model.classify.cli.classify_files", interrupted)
    result = CliRunner().invoke(main, ["classify", str(folder)], env={"COLUMNS": "200"})

    assert result.exit_code == 130
    assert "1 rejected" in result.stdout
    assert "The file is empty." in result.stdout


def test_no_paths_is_wrong_use():
    assert CliRunner().invoke(classify, []).exit_code == 2


def test_no_model_is_one_sentence(tmp_path, radiographs):
    code, lines, problem = classified("--artifact", tmp_path, radiographs["RG1_J2KI"])

    assert code == 1
    assert lines == []
    assert problem.startswith("Error: There is no model")


@pytest.mark.slow
def test_the_real_command_without_tensorflow(radiographs):
    """In a process of its own: lines come as JSON, and TensorFlow is never imported."""
    program = (
        "import sys\n"
        "from cxr import main\n"
        "try: main()\n"
        "finally:\n"
        "    heavy = {'tensorflow', 'keras', 'torch', 'matplotlib', 'sklearn'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "classify", "--json", str(radiographs["RG1_J2KI"])],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout)["status"] == "done"
    assert done.stderr.splitlines()[-1] == "[]"
