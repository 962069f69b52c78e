"""Several runs in one table."""

import json
import shutil

import pytest

from training.errors import TrainingError
from training.measure.compare import table


def test_a_column_for_each_run(trained, copied):
    report = json.loads((copied.folder / "report.json").read_text()) | {"model": "other-1"}
    report["figures"]["accuracy"] = {"value": 0.5, "low": 0.25, "high": 0.75}
    inside = report["sources"]["stripes"]["figures"]
    inside["auroc_NORMAL"] = {"value": 0.6, "low": None, "high": None}
    (copied.folder / "report.json").write_text(json.dumps(report))
    lines = table([copied.folder, trained.folder]).splitlines()

    assert lines[0] == "| `test` | other-1 | stripes-0.1.0 |"
    assert lines[2] == "| epochs | 1 | 1 |"
    cells = next(line for line in lines if line.startswith("| accuracy")).split(" | ")
    assert cells[1] == "0.500 (0.250-0.750)"
    assert any(line.startswith("| NORMAL AUROC inside `stripes`") for line in lines)


def test_runs_on_different_images_are_not_compared(trained, copied):
    report = json.loads((copied.folder / "report.json").read_text()) | {"n": 11}
    (copied.folder / "report.json").write_text(json.dumps(report))
    with pytest.raises(TrainingError, match="not measured on the same images"):
        table([trained.folder, copied.folder])


def test_a_folder_without_a_report_is_named(trained, tmp_path):
    shutil.copytree(trained.folder, tmp_path / "run")
    (tmp_path / "run" / "report.json").unlink()
    with pytest.raises(TrainingError, match=r"no report in .*run"):
        table([trained.folder, tmp_path / "run"])


def test_the_report_of_an_evaluation_is_no_run(copied):
    report = json.loads((copied.folder / "report.json").read_text())
    del report["int8"]
    (copied.folder / "report.json").write_text(json.dumps(report))
    with pytest.raises(TrainingError, match="not an output folder of `cxr train`"):
        table([copied.folder])
