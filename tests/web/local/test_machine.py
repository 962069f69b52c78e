"""Which token opens the first clinic of a machine."""

import stat
from dataclasses import replace

import pytest

from tests.support.access import TOKEN
from web.local.machine import _let_in


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
