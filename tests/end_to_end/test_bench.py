"""`make bench` in small: it runs and says what it should; its speeds are not judged here."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(600)

# The other parts are these over again, on other numbers of processes and images.
PARTS = ("throughput", "cost", "rows", "encryption")
SMALL = (
    *(word for part in PARTS for word in ("--only", part)),
    *("--rounds", "1", "--images", "8", "--rows", "300"),
)


def bench(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "COLUMNS": "120", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


@pytest.fixture(scope="module")
def run(chest, tmp_path_factory):
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    done = bench(*SMALL, "--json", str(file), str(chest))
    assert done.returncode == 0, done.stderr
    return json.loads(file.read_text()), done.stdout


def test_every_part_is_measured(run):
    figures, _ = run
    assert set(figures) == {"machine", "files", "model", *PARTS}
    rates = figures["throughput"]
    assert set(rates) == {"ceiling", "system", "reference_ceiling", "reference_system", "article"}
    assert all(len(rates[way]["all"]) == 1 for way in rates)
    assert all(rates[way]["median"] > 0 for way in rates)
    assert figures["rows"]["rows"] == 300
    assert [len(figures["encryption"][name]) for name in ("speed_ratios", "cpu_ratios")] == [1, 1]
    assert all(figures["encryption"]["cpu_ratios"])
    assert {"web", "worker-1", "sweeper", "valkey-server"} <= set(figures["cost"]["peak_memory_mb"])
    assert figures["cost"]["stage_ms"]["infer"] > 0
    assert set(figures["cost"]["queue_and_save_ms"]) == {"claim", "save", "send", "take"}
    assert all(ms > 0 for ms in figures["cost"]["queue_and_save_ms"].values())
    assert figures["cost"]["sql_bytes_per_image"] > 0


def test_the_table_names_ratios_and_machine(run):
    figures, shown = run
    assert figures["machine"]["processor"] in shown
    rates = figures["throughput"]
    for name, prefix in (("system / ceiling ", ""), ("system / ceiling, reference", "reference_")):
        ratio = rates[f"{prefix}system"]["median"] / rates[f"{prefix}ceiling"]["median"]
        [line] = [line for line in shown.splitlines() if name in line]
        assert f"{ratio:.2f}" in line


def test_no_images_is_a_clear_error(tmp_path):
    done = bench(str(tmp_path))
    assert done.returncode == 2
    assert "No images in the given paths" in done.stderr
