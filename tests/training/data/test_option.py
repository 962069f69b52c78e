"""Commands that read training data say in one sentence what is missing."""

import importlib

import pytest
from click.testing import CliRunner

from tests.support.commands import one_sentence

COMMANDS = ["training.framing.__main__", "training.gate.__main__"]


def ask(command: str, *arguments: object):
    main = importlib.import_module(command).main
    return CliRunner().invoke(main, [*map(str, arguments)], env={"CXR_DATA": None})


@pytest.mark.parametrize("command", COMMANDS)
def test_data_that_nobody_names_are_asked_for(command):
    result = ask(command, "--measure")
    assert result.exit_code == 2
    assert "Missing option '--data'" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_without_data_is_one_sentence(command, tmp_path):
    one_sentence(ask(command, "--measure", "--data", tmp_path), str(tmp_path))


def test_a_new_gate_needs_a_version(tmp_path):
    result = ask("training.gate.__main__", "--data", tmp_path)
    assert result.exit_code == 2
    assert "--version" in result.stderr
