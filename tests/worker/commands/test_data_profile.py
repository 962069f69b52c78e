"""`cxr patient-data`: profiles, pseudonyms and original names at the command line."""

import json

import pytest
from click.testing import CliRunner

from tests.support.rows import create_job
from worker.audit import Action
from worker.commands.data_profile import patient_data
from worker.deidentify.pseudonyms import Pseudonyms
from worker.patient_data import Profile
from worker.records.jobs import NewImage


@pytest.fixture
def invoke(settings, store):
    def run(*arguments: str, **options):
        return CliRunner().invoke(patient_data, arguments, env=settings.environment(), **options)

    return run


def test_a_profile_is_set_listed_and_written_down(invoke, store, clinic):
    assert "default: clinical" in invoke("list").stdout
    assert invoke("set", "default", "pseudonym").exit_code == 0
    assert invoke("set", "default", "nonsense").exit_code == 2
    assert "default: pseudonym\n" in invoke("list").stdout
    assert invoke("set", "default", "pseudonym", "--hide-text").exit_code == 0
    assert "default: pseudonym, text in pictures hidden" in invoke("list").stdout
    refused = invoke("set", "default", "clinical", "--hide-text")
    assert (refused.exit_code, "pseudonym and research" in refused.stderr) == (2, True)
    key = store.data_keys([clinic.id])[clinic.id].key
    invoke("set", "default", "research")
    assert store.data_keys([clinic.id])[clinic.id].key == key
    events = [record.event for record in store.audit_entries()]
    assert [event.action for event in events] == [Action.SETTINGS_CHANGED] * 3


def test_a_patient_is_found_by_the_pseudonym(invoke, store, clinic):
    assert "no pseudonyms" in invoke("pseudonym", "default", input="4711\n").stderr
    store.set_profile(clinic.id, Profile.PSEUDONYM)
    made = Pseudonyms(store.data_keys([clinic.id])[clinic.id].key)
    printed = invoke("pseudonym", "default", input="4711 \n\n4712\n").stdout.split()
    assert printed == [made.patient("4711"), made.patient("4712")]


def test_original_names_are_printed_and_the_look_is_written_down(invoke, store, clinic):
    image = NewImage("image-0001", "00/1", 7, original_name="Doe^Zoë")
    create_job(store, clinic.id, "job", [image])
    (line,) = invoke("names", "default", "1").stdout.splitlines()
    assert json.loads(line)["original_name"] == "Doe^Zoë"
    (event,) = [record.event for record in store.audit_entries()]
    assert (event.action, event.job_id) == (Action.VIEWED, 1)
