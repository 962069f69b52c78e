"""The client's commands against a running system, as a user types them."""

import contextlib
import csv
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.support.access import signed_in_client
from web.local.temporary import RunningSystem

NO_SERVER = "http://127.0.0.1:1"


def cxr(*arguments: object, typed: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "cxr", *map(str, arguments)],
        input=typed,
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
    listed = cxr("status", **server)
    assert "Monday" in listed.stdout
    assert json.loads(cxr("status", "--json", **server).stdout.splitlines()[0]) == job

    sorted_up = cxr("results", job["id"], "--sort", "suspicion", "--json", **server)
    first, *rest = json.loads(sorted_up.stdout)["results"]
    assert (first["status"], [image["status"] for image in rest]) == ("done", ["rejected"] * 2)
    sideways = cxr("results", job["id"], "--sort", "sideways", **server)
    assert sideways.returncode == 1
    assert "suspicion" in sideways.stderr

    exported = cxr("results", job["id"], "--json", **server)
    results = {i["filename"]: i["status"] for i in json.loads(exported.stdout)["results"]}
    assert results == {
        "scans/chest.dcm": "done",
        "scans/more/legs.zip/leg.dcm": "rejected",
        "scans/more/note [b].txt": "rejected",
    }

    file = tmp_path / "results.csv"
    written = cxr("results", job["id"], "--output", file, **server)
    assert (written.returncode, written.stdout) == (0, "")
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert {row["filename"]: row["status"] for row in rows} == results

    table = cxr("results", job["id"], **server).stdout
    assert "scans/more/note [b].txt" in table
    assert "not a diagnosis" in table
    for said in (submitted, status, in_words, exported, written):
        assert stack.token not in said.stdout + said.stderr


def test_the_example_on_the_page_of_the_api_works_as_it_stands(stack, folder):
    """With httpx alone: nothing of this program is installed where it runs."""
    with contextlib.closing(signed_in_client(stack.url, stack.token)) as browser:
        page = browser.get("/api/v1/docs").text
    example = html.unescape(
        re.search(r'<pre[^>]* id="python"[^>]*><code>(.*?)</code>', page, re.S)[1]
    )
    (folder / "more" / "legs.zip").rename(folder / "legs.zip")
    for path in (folder / "more", folder / ".hidden"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    told = subprocess.run(
        [sys.executable, "-I", "-c", example],
        cwd=folder.parent,
        env={**os.environ, "TOKEN": stack.token},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert [line.split(" ", 2)[:2] for line in sorted(told.stdout.splitlines())] == [
        ["chest.dcm", "done"],
        ["legs.zip/leg.dcm", "rejected"],
    ]


def test_submit_without_waiting_prints_number_and_link(server, stack, folder):
    submitted = cxr("submit", folder / "more" / "note [b].txt", "--urgent", **server)
    assert submitted.returncode == 0, submitted.stderr
    assert submitted.stdout.startswith("Job ")
    assert f"{stack.url}/jobs/" in submitted.stdout


def test_a_job_is_cancelled_and_resumed(server, folder):
    """However far the workers came in between, every image has its result in the end."""
    submitted = cxr("submit", folder, "--urgent", "--json", **server)
    job = json.loads(submitted.stdout)["id"]
    cancelled = cxr("cancel", job, "--json", **server)
    assert cancelled.returncode == 0, cancelled.stderr
    assert json.loads(cancelled.stdout)["status"] in ("cancelled", "complete")
    resumed = cxr("resume", job, **server)
    assert resumed.stdout.startswith(f"Job {job}: ")
    assert cxr("status", job, "--watch", **server).returncode == 0
    exported = json.loads(cxr("results", job, "--json", **server).stdout)
    assert [image["status"] for image in exported["results"]] == ["done", "rejected", "rejected"]
    # Nothing failed, so there is nothing to try again.
    retried = cxr("retry", job, "--json", **server)
    assert json.loads(retried.stdout)["counts"] == exported["job"]["counts"]


def test_a_job_is_deleted_after_a_question(server, folder):
    note = folder / "more" / "note [b].txt"
    job = json.loads(cxr("submit", note, "--wait", "--json", **server).stdout)["id"]
    for answer in ("", "n\n"):
        kept = cxr("delete", job, typed=answer, **server)
        assert (kept.returncode, kept.stdout) == (1, "")
        assert "with its image? This cannot be undone." in kept.stderr
        assert cxr("status", job, **server).returncode == 0
    deleted = cxr("delete", job, typed="y\n", **server)
    assert (deleted.returncode, deleted.stdout) == (0, f"Job {job} is deleted.\n")
    gone = cxr("delete", job, "--yes", **server)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr == f"Error: There is no job {job}.\n"


def test_deleting_without_a_question(server, folder):
    note = folder / "more" / "note [b].txt"
    job = json.loads(cxr("submit", note, "--json", **server).stdout)["id"]
    deleted = cxr("delete", job, "--yes", **server)
    assert (deleted.returncode, deleted.stderr) == (0, "")
    assert cxr("status", job, **server).returncode == 1


def test_a_wrong_token_is_one_sentence(server, folder):
    refused = cxr("submit", folder, "--json", **server, CXR_TOKEN="wrong")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: The token is not valid: ")
    assert len(refused.stderr.splitlines()) == 1


def test_a_job_that_is_not_there(server):
    missing = cxr("results", 999_999, "--csv", **server)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("Error: ")


def test_no_server(folder):
    for command in (
        ["submit", folder],
        *([name, 1] for name in ("status", "results", "cancel", "resume", "retry")),
        ["delete", 1, "--yes"],
    ):
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
        ["delete", 0],
    ):
        assert cxr(*arguments, CXR_TOKEN="any").returncode == 2
    without_token = cxr("submit", folder, CXR_HOME=str(empty))
    assert without_token.returncode == 2
    assert "CXR_TOKEN" in without_token.stderr
