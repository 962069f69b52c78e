"""`cxr second-factor`: required or not, and reset when it was lost."""

import pytest
from click.testing import CliRunner

from worker.access import PrincipalKind, Role
from worker.audit import Action
from worker.commands.second_factor import second_factor


@pytest.fixture
def invoke(settings, store):
    def run(*arguments: str):
        return CliRunner().invoke(second_factor, arguments, env=settings.environment())

    return run


def test_a_clinic_requires_it_and_that_is_written_down(invoke, store, clinic):
    assert invoke("list").stdout == "default: optional\n"
    assert invoke("set", "default", "required").stdout == "default: required\n"
    assert store.second_factor_required(clinic.id)
    assert invoke("list").stdout == "default: required\n"
    assert invoke("set", "default", "sometimes").exit_code == 2
    assert "There is no clinic" in invoke("set", "nowhere", "required").stderr
    assert invoke("set", "default", "optional").exit_code == 0
    assert not store.second_factor_required(clinic.id)
    events = [record.event for record in store.audit_entries()]
    assert [event.action for event in events] == [Action.SETTINGS_CHANGED] * 2
    assert [event.detail["second_factor_required"] for event in events] == ["yes", "no"]


def test_an_operator_who_lost_it_gets_rid_of_it(invoke, store):
    link = store.link(store.invite(None, [Role.OPERATOR]))
    eve = store.accept_invitation(link.id, "Eve", "no password").id
    assert "has no second factor" in invoke("reset", "eve").stderr
    assert "Nobody who can sign in" in invoke("reset", "bob").stderr
    store.set_second_factor(eve, "sealed")
    store.set_recovery_codes(eve, ["one"])
    session = store.open_session(PrincipalKind.PERSON, eve, "", "")
    assert "second factor of Eve is removed" in invoke("reset", "eve").stdout
    assert store.credentials("Eve").totp_secret is None
    assert store.recovery_codes_left(eve) == 0
    assert store.principal_of_session(session) is None
    (event,) = [record.event for record in store.audit_entries()]
    assert (event.action, event.detail) == (
        *(Action.CHANGED, {"what": "second_factor_reset", "person": eve}),
    )
