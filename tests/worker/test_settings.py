from dataclasses import replace
from pathlib import Path

import pytest

from worker.errors import SettingsError
from worker.settings import Settings, describe


def test_defaults_keep_everything_in_one_folder():
    settings = Settings.from_env({})
    assert settings.home == Path("~/.local/share/cxr-batch").expanduser()
    assert settings.database_url == f"sqlite:///{settings.home / 'cxr.db'}"
    assert settings.images_dir.parent == settings.token_file.parent == settings.home
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_command_line_wins_over_environment():
    environ = {"CXR_PORT": "9000", "CXR_HOST": "0.0.0.0"}
    settings = Settings.from_env(environ, port=9001, host=None)
    assert (settings.host, settings.port) == ("0.0.0.0", 9001)


def test_a_child_process_gets_the_same_settings(tmp_path):
    settings = Settings(home=tmp_path, secure_cookies=True, lease_s=7, artifact=tmp_path / "model")
    assert Settings.from_env(settings.environment()) == settings


def test_processes_that_decode_files_get_no_secrets(tmp_path):
    settings = Settings(home=tmp_path, token="the token", secret_key="the key", lease_s=7)
    kept = settings.without_secrets
    assert not {"the token", "the key"} & set(kept.environment().values())
    assert replace(kept, token="the token", secret_key="the key") == settings


@pytest.mark.parametrize("address", ["postgres://user@host/db", "postgresql://user@host/db"])
def test_postgresql_gets_the_driver_that_we_install(address):
    settings = Settings.from_env({"DATABASE_URL": address})
    assert settings.database_url == "postgresql+psycopg://user@host/db"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("CXR_PORT", "http", "a whole number"),
        ("CXR_SWEEP_INTERVAL_S", "soon", "a number"),
        ("CXR_SECURE_COOKIES", "maybe", "true or false"),
        ("CXR_DEVICE", "tpu", "cpu or gpu"),
        ("CXR_LEASE_S", "0", "1 or more"),
    ],
)
def test_a_wrong_value_names_the_variable_and_what_was_received(variable, value, expected):
    with pytest.raises(
        SettingsError, match=rf"{variable} must be {expected}\. Received: '?{value}"
    ):
        Settings.from_env({variable: value})


def test_the_readme_documents_every_setting():
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    missing = [variable for variable, _, _ in describe() if f"`{variable}`" not in readme]
    assert not missing
