"""`make bench` in small: it runs and says what it should; its speeds are not judged here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)

SMALL = ("--rounds", "1", "--images", "8", "--rows", "300", "--requests", "10")


def bench(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "COLUMNS": "120", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def figures(chest: Path, folder: Path, *parts: str) -> tuple[dict, str]:
    """What it wrote about these parts of the measurements, and what it printed."""
    file = folder / "figures.json"
    only = [word for part in parts for word in ("--only", part)]
    done = bench(*only, *SMALL, "--json", str(file), str(chest))
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert set(found) == {"machine", "files", "model", *parts}
    assert found["machine"]["processor"] in done.stdout
    return found, done.stdout


def test_cost_and_rows_are_measured(chest, tmp_path):
    found, _ = figures(chest, tmp_path, "cost", "rows")
    assert found["rows"]["rows"] == 300
    assert {"web", "worker-1", "sweeper", "valkey-server"} <= set(found["cost"]["peak_memory_mb"])
    assert found["cost"]["stage_ms"]["infer"] > 0
    assert set(found["cost"]["queue_and_save_ms"]) == {"claim", "save", "send", "take"}
    assert all(ms > 0 for ms in found["cost"]["queue_and_save_ms"].values())
    assert found["cost"]["sql_bytes_per_image"] > 0


# The other parts are these over again, on other numbers of processes and images.
@pytest.mark.soak
def test_throughput_encryption_and_shadow_are_measured(chest, tmp_path):
    found, shown = figures(chest, tmp_path, "throughput", "encryption", "shadow")
    assert found["shadow"]["speed_ratios"][0] > 0
    assert found["shadow"]["shadow_images_per_s"] > 0
    rates = found["throughput"]
    networks = ("ceiling", "ceiling_with_pictures", "system")
    assert set(rates) == {
        *networks,
        *(f"reference_{way}" for way in networks),
        "article",
    }
    assert all(len(rates[way]["all"]) == 1 for way in rates)
    assert all(rates[way]["median"] > 0 for way in rates)
    assert [len(found["encryption"][name]) for name in ("speed_ratios", "cpu_ratios")] == [1, 1]
    assert all(found["encryption"]["cpu_ratios"])
    for name, prefix in (("system / ceiling ", ""), ("system / ceiling, reference", "reference_")):
        ratio = rates[f"{prefix}system"]["median"] / rates[f"{prefix}ceiling"]["median"]
        [line] = [line for line in shown.splitlines() if name in line]
        assert f"{ratio:.2f}" in line


def test_no_images_is_a_clear_error(tmp_path):
    done = bench(str(tmp_path))
    assert done.returncode == 2
    assert "No images in the given paths" in done.stderr
