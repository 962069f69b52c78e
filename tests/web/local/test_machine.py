"""What `cxr up` sees to before it starts: its folder, its address, the first clinic's token."""

import stat
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.access import TOKEN
from web.local.machine import _close_to_others, _free_port, _greet, _let_in, link_address
from worker.errors import LaunchError
from worker.settings import Settings
from worker.supervise.valkey import EmbeddedValkey


@pytest.fixture
def settings(settings):
    """Of a machine without CXR_TOKEN."""
    settings.home.mkdir(exist_ok=True)
    return replace(settings, token="")


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_token_file_lets_nobody_in(settings, store, content):
    """As a crash between its creation and its writing leaves it."""
    settings.token_file.write_text(content)
    token = _let_in(store, settings)
    assert len(token) > 30
    assert settings.token_file.read_text() == f"{token}\n"
    assert stat.S_IMODE(settings.token_file.stat().st_mode) == 0o600
    assert store.principal_of_token(token).clinic.name == "default"
    assert store.principal_of_token(content) is None
    assert store.principal_of_token("") is None


def test_a_token_of_the_file_that_was_revoked_gives_way_to_a_new_one(settings, store):
    settings.token_file.write_text(TOKEN)
    store.revoke_token(1)
    token = _let_in(store, settings)
    assert token != TOKEN
    assert store.principal_of_token(token) is not None
    assert store.principal_of_token(TOKEN) is None
    assert _let_in(store, settings) == token, "from then on it stays"


def test_a_link_to_an_address_with_a_slash():
    assert link_address("https://x.example/", "abc") == "https://x.example/sign-in?link=abc"


def test_other_commands_are_told_of_a_home_that_they_would_not_look_in(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    _greet(Settings(home=tmp_path / "an other"), "http://127.0.0.1:8000", "abc")
    assert f"export CXR_HOME='{tmp_path}/an other'" in capsys.readouterr().out
    _greet(Settings(home=tmp_path), "http://127.0.0.1:8000", "abc")
    assert "export" not in capsys.readouterr().out


def test_a_host_that_nobody_knows_is_told_as_such():
    with pytest.raises(LaunchError, match=r"no\.such\.host\.invalid port 0 \((?!Unknown)"):
        _free_port("no.such.host.invalid", 0)


def test_a_folder_that_is_there_is_closed_to_others(tmp_path):
    tmp_path.chmod(0o755)
    _close_to_others(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_folder_for_everybody_is_left_alone(tmp_path):
    tmp_path.chmod(0o1777)
    with pytest.raises(LaunchError, match="a folder for everybody"):
        _close_to_others(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_a_queue_that_ends_at_once_is_not_waited_for(tmp_path):
    manifest = tmp_path / "appendonlydir" / "appendonly.aof.manifest"
    manifest.parent.mkdir()
    manifest.write_text("file gone.rdb seq 1 type b\n")
    valkey = EmbeddedValkey(tmp_path)
    process = subprocess.Popen(valkey.command(), stdout=subprocess.DEVNULL)
    started = time.monotonic()
    with pytest.raises(LaunchError, match="ended at once"):
        valkey.wait(process)
    valkey.clean_up()
    assert time.monotonic() - started < 10


def test_the_folder_of_a_queue_that_was_killed_is_removed_at_the_next_start(tmp_path):
    killed = Path(EmbeddedValkey(tmp_path / "valkey").url.removeprefix("redis+socket://"))
    killed.touch()
    valkey = EmbeddedValkey(tmp_path / "valkey")
    assert not killed.parent.exists()
    note = tmp_path / "valkey" / "socket_folder"
    folder = Path(note.read_text())
    valkey.clean_up()
    assert not folder.exists()
    assert not note.exists()
    # What the note says is not believed, should it be of another folder.
    (tmp_path / "cxr-mine").mkdir()
    note.write_text(str(tmp_path / "cxr-mine"))
    EmbeddedValkey(tmp_path / "valkey").clean_up()
    assert (tmp_path / "cxr-mine").is_dir()
