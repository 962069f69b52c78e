"""`cxr up` as a user meets it: it starts, survives, stops, goes on, and says what is wrong."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.running import complete, logs, upload
from tests.support.waiting import wait_for
from web.local.temporary import running_system


def parts_of(stack) -> dict[int, str]:
    """Process ids and commands of what the supervisor runs."""
    listing = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(stack.process.pid)],
        capture_output=True,
        text=True,
    )
    lines = [line.split(maxsplit=1) for line in listing.stdout.splitlines()]
    return {int(pid): command for pid, command in lines}


def run_up(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "cxr", "up", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_its_folder_and_its_secrets_are_closed_to_others(tmp_path, chest):
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    secrets = {"CXR_TOKEN": "the-token-" * 4, "CXR_SECRET_KEY": "the-secret-key-" * 4}
    with running_system(home, "--workers", "1", **secrets) as stack:
        upload(stack, chest)
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        open_to_others = [path for path in home.rglob("*") if path.lstat().st_mode & 0o077]
        assert [path for path in open_to_others if not path.is_symlink()] == []
        knowing = [
            command.rpartition(" ")[2]
            for pid, command in parts_of(stack).items()
            if any(one in Path(f"/proc/{pid}/environ").read_text() for one in secrets.values())
        ]
        assert knowing == ["web"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_all_parts_and_stops_them_all(tmp_path, number):
    with running_system(tmp_path / "home", "--workers", "2") as stack:
        commands = " ".join(parts_of(stack).values())
        assert commands.count("cxr worker") == 2
        for part in ("valkey-server", "cxr web", "cxr sweep"):
            assert part in commands
        pids = list(parts_of(stack))
        stack.process.send_signal(number)
        assert stack.process.wait(30) == 0
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_part_that_dies_is_started_again_and_no_image_is_lost(tmp_path, chest):
    impatient = {"CXR_LEASE_S": "3", "CXR_SWEEP_INTERVAL_S": "0.5"}
    with running_system(tmp_path / "home", "--workers", "1", **impatient) as stack:
        job_id = upload(stack, *[chest] * 20)
        for pid, command in parts_of(stack).items():
            if "cxr sweep" not in command:
                os.kill(pid, signal.SIGKILL)

        def complete_again() -> dict | None:
            try:
                return complete(stack, job_id)
            except httpx.TransportError:  # the web server was killed too
                return None

        finished = wait_for(complete_again, timeout_s=90, every_s=0.3)
        assert finished["counts"]["done"] == 20, logs(stack)


def test_starting_again_continues_where_it_stood(tmp_path, chest):
    home = tmp_path / "home"
    with running_system(home, "--workers", "1") as stack:
        job_id = upload(stack, *[chest] * 40)
    with running_system(home, "--workers", "1") as again:
        assert again.token == stack.token
        job = wait_for(lambda: complete(again, job_id), timeout_s=60)
        assert job["counts"]["done"] == 40
    # As a crash between making the file and writing it would leave it.
    (home / "token").write_text("")
    with running_system(home, "--workers", "1") as again:
        assert len(again.token) > 30
        for token, status in ((again.token, 200), (stack.token, 401)):
            headers = {"Authorization": f"Bearer {token}"}
            assert httpx.get(f"{again.url}/api/v1/jobs", headers=headers).status_code == status
        form = {"token": "", "next": "/"}
        answer = httpx.post(f"{again.url}/sign-in", data=form, headers={"Origin": again.url})
        assert answer.status_code == 403


def test_the_token_is_for_its_owner_only(stack):
    assert (stack.home / "token").stat().st_mode & 0o777 == 0o600
    assert (stack.home / "token").read_text().strip() == stack.token
    assert stack.token not in logs(stack)
    link = stack.sign_in_url.partition("link=")[2]
    with httpx.Client(follow_redirects=True) as browser:
        page = browser.get(stack.sign_in_url)
        assert "default" in page.text, "it names the clinic"
        assert link not in str(page.url), "nothing of it stays in the history"
        assert "cxr_session" not in browser.cookies, "until a button is pressed"
    assert link not in logs(stack)


def test_a_token_that_can_be_guessed_is_one_clear_sentence(tmp_path):
    done = run_up("--home", str(tmp_path / "home"), CXR_TOKEN="1")
    assert done.returncode == 1
    assert re.fullmatch(r"Error: The access token in CXR_TOKEN can be guessed: .*\n", done.stderr)


def test_a_port_in_use_is_one_clear_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run_up("--port", port, "--home", str(tmp_path / "home"))
    assert done.returncode == 1
    assert re.fullmatch(rf"Error: Cannot listen on 127.0.0.1 port {port} .*\n", done.stderr)


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    done = run_up("--home", str(tmp_path / "file" / "home"))
    assert done.returncode == 1
    assert re.fullmatch(r"Error: The data folder .* cannot be written .*\n", done.stderr)


def test_a_read_only_folder_is_one_clear_sentence(tmp_path):
    # Even root cannot write below /proc.
    done = run_up("--home", "/proc/cxr-batch")
    assert done.returncode == 1
    assert re.fullmatch(r"Error: The data folder .* cannot be written .*\n", done.stderr)


def test_a_missing_model_is_one_clear_sentence(tmp_path):
    done = run_up(
        "--port", "0", "--home", str(tmp_path / "home"), CXR_ARTIFACT=str(tmp_path / "no")
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: ")
    assert str(tmp_path / "no") in done.stderr


def test_two_systems_never_share_a_folder(stack):
    done = run_up("--port", "0", "--home", str(stack.home))
    assert done.returncode == 1
    assert "Another `cxr up` is running" in done.stderr


def test_a_wrong_setting_names_its_variable(tmp_path):
    done = run_up("--home", str(tmp_path / "home"), CXR_LEASE_S="soon")
    assert done.returncode == 1
    assert done.stderr == "Error: CXR_LEASE_S must be a whole number. Received: 'soon'\n"
