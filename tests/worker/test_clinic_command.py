"""`cxr clinic`: who may come in."""

import pytest
from click.testing import CliRunner

from worker.cli import clinic


@pytest.fixture
def invoke(settings):
    return lambda *arguments: CliRunner().invoke(clinic, arguments, env=settings.environment())


def test_a_new_clinic_gets_a_token_and_an_old_one_another(invoke, store):
    first, second = invoke("St. Anna"), invoke("St. Anna")
    assert first.exit_code == second.exit_code == 0
    assert first.output != second.output
    clinics = [store.clinic_of_token(done.output.strip()) for done in (first, second)]
    assert clinics[0] == clinics[1]
    assert clinics[0].name == "St. Anna"


def test_without_tables_it_says_what_to_do(invoke):
    done = invoke("St. Anna")
    assert done.exit_code == 1
    assert "cxr migrate" in done.output
