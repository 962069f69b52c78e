"""The client's commands against a running system, as a user types them."""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile

import pytest

from web.throwaway import RunningSystem

NO_SERVER = "http://127.0.0.1:1"


def cxr(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "cxr", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


@pytest.fixture
def server(stack: RunningSystem) -> dict[str, str]:
    """The environment of a user on the server's own machine: no token is typed."""
    return {"CXR_URL": stack.url, "CXR_HOME": str(stack.home)}


@pytest.fixture
def folder(tmp_path, radiographs):
    """A folder with a chest, a leg in a zip, a text and a hidden file."""
    root = tmp_path / "scans"
    (root / "more").mkdir(parents=True)
    (root / "chest.dcm").write_bytes(radiographs["RG1_J2KR"].read_bytes())
    (root / ".hidden").write_text("not to be uploaded")
    (root / "more" / "note [b].txt").write_text("no X-ray")
    with zipfile.ZipFile(root / "more" / "legs.zip", "w") as archive:
        archive.write(radiographs["RG3_J2KR"], "leg.dcm")
    return root


def test_submit_wait_then_read_the_results(server, stack, folder, tmp_path):
    submitted = cxr("submit", folder, "--name", "Monday", "--wait", "--json", **server)
    assert submitted.returncode == 0, submitted.stderr
    job = json.loads(submitted.stdout)
    assert (job["name"], job["status"], job["counts"]["total"]) == ("Monday", "complete", 3)
    assert (job["counts"]["done"], job["counts"]["rejected"]) == (1, 2)
    assert job["link"] == f"{stack.url}/jobs/{job['id']}"

    status = cxr("status", job["id"], "--json", **server)
    assert json.loads(status.stdout) == job
    in_words = cxr("status", job["id"], **server)
    assert "3 of 3 images finished: 1 done, 2 rejected" in in_words.stdout

    exported = cxr("results", job["id"], "--json", **server)
    verdicts = {i["filename"]: i["status"] for i in json.loads(exported.stdout)["results"]}
    assert verdicts == {
        "scans/chest.dcm": "done",
        "scans/more/legs.zip/leg.dcm": "rejected",
        "scans/more/note [b].txt": "rejected",
    }

    file = tmp_path / "results.csv"
    written = cxr("results", job["id"], "--output", file, **server)
    assert (written.returncode, written.stdout) == (0, "")
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert {row["filename"]: row["status"] for row in rows} == verdicts

    table = cxr("results", job["id"], **server).stdout
    assert "scans/more/note [b].txt" in table
    assert "not a diagnosis" in table
    for said in (submitted, status, in_words, exported, written):
        assert stack.token not in said.stdout + said.stderr


def test_submit_without_waiting_prints_number_and_link(server, stack, folder):
    submitted = cxr("submit", folder / "more" / "note [b].txt", "--urgent", **server)
    assert submitted.returncode == 0, submitted.stderr
    assert submitted.stdout.startswith("Job ")
    assert f"{stack.url}/jobs/" in submitted.stdout


def test_a_wrong_token_is_one_sentence(server, folder):
    refused = cxr("submit", folder, "--json", **server, CXR_TOKEN="wrong")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: The token is not valid.")
    assert len(refused.stderr.splitlines()) == 1


def test_a_job_that_is_not_there(server):
    missing = cxr("results", 999_999, "--csv", **server)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("Error: ")


def test_no_server(folder):
    for command in (["submit", folder], ["status", 1], ["results", 1]):
        away = cxr(*command, "--url", NO_SERVER, CXR_TOKEN="any")
        assert (away.returncode, away.stdout) == (3, "")
        assert away.stderr.startswith(f"Error: Cannot reach a server at {NO_SERVER}.")


def test_wrong_use(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments in (
        ["submit", tmp_path / "missing"],
        ["submit", empty],
        ["submit"],
        ["results", 1, "--output", tmp_path / "results.xlsx"],
        ["status", "one"],
    ):
        assert cxr(*arguments, CXR_TOKEN="any").returncode == 2
    without_token = cxr("submit", folder, CXR_HOME=str(empty))
    assert without_token.returncode == 2
    assert "CXR_TOKEN" in without_token.stderr
