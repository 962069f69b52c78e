import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cxr import main
from tests.support.access import TOKEN
from worker.audit import Action, AuditEvent


@pytest.fixture
def cxr(settings):
    def run(*arguments: str):
        return CliRunner().invoke(main, arguments, env=settings.environment())

    return run


def test_tokens_leave_entries_and_the_trail_is_verified_and_exported(cxr, store, clinic):
    made = json.loads(
        cxr("token", "create", "--clinic", "north", "--scope", "read", "--json").output
    )
    assert cxr("token", "revoke", str(made["id"])).exit_code == 0
    store.audit([AuditEvent(Action.VIEWED, clinic.id, job_id=7)])
    lines = [json.loads(line) for line in cxr("audit", "export").output.splitlines()]
    assert [line["action"] for line in lines] == ["token_created", "token_revoked", "viewed"]
    assert lines[0]["detail"] == {"token": made["id"], "scopes": "read"}
    assert lines[0]["who_kind"] == "command"
    assert made["token"] not in cxr("audit", "export").output
    of_north = cxr("audit", "export", "--clinic", "north").output.splitlines()
    assert [json.loads(line)["id"] for line in of_north] == [1, 2]
    found = cxr("audit", "verify")
    assert found.exit_code == 0
    assert found.output == f"3 entries are intact. The last: 3:{lines[2]['hash']}\n"


def test_links_of_the_command_line_leave_entries(cxr, store, clinic, settings):
    invite = ("invite", "--clinic", "north", "--role", "reader", "--role", "admin")
    assert cxr(*invite).exit_code == 0
    assert cxr("invite", "--role", "operator").exit_code == 0
    settings.home.mkdir(exist_ok=True)
    settings.token_file.write_text(TOKEN)
    assert cxr("sign-in").exit_code == 0
    entries = [json.loads(line) for line in cxr("audit", "export").output.splitlines()]
    assert [entry["detail"] for entry in entries] == [
        {"what": "invitation", "roles": "reader admin"},
        {"what": "invitation", "roles": "operator"},
        {"what": "sign_in_link"},
    ]
    assert [entry["clinic_id"] for entry in entries] == [2, None, clinic.id]


def test_a_configured_token_that_replaces_another_leaves_entries(store, clinic):
    store.ensure_clinic(clinic.name, "cxr-another-token-of-32-characters")
    made, revoked = [record.event for record in store.audit_page(clinic.id)][::-1]
    assert (made.action, made.detail["what"]) == (Action.TOKEN_CREATED, "token_replaced")
    assert (revoked.action, revoked.detail) == (Action.TOKEN_REVOKED, {"token": 1})


def test_a_changed_entry_is_named(cxr, store, clinic):
    store.audit([AuditEvent(Action.VIEWED, clinic.id, job_id=7)] * 3)
    with store.database.writing() as session:
        session.execute(text("DROP TRIGGER audit_no_update"))
        session.execute(text("UPDATE audit SET job_id = 8 WHERE id = 2"))
    found = cxr("audit", "verify")
    assert found.exit_code == 1
    assert "entry 2" in found.output


def test_a_trail_that_was_cut_is_found_with_its_last_line(cxr, store, clinic):
    store.audit([AuditEvent(Action.VIEWED, clinic.id, job_id=7)] * 3)
    last = cxr("audit", "verify").output.split()[-1]
    assert cxr("audit", "verify", "--expect", last).exit_code == 0
    with store.database.writing() as session:
        session.execute(text("DROP TRIGGER audit_no_delete"))
        session.execute(text("DELETE FROM audit WHERE id = 3"))
    assert cxr("audit", "verify").exit_code == 0
    found = cxr("audit", "verify", "--expect", last)
    assert found.exit_code == 1
    assert "cut" in found.output


def test_an_unknown_clinic_and_a_wrong_line_are_errors(cxr, store):
    assert "no clinic" in cxr("audit", "export", "--clinic", "nowhere").output
    assert cxr("audit", "verify", "--expect", "3").exit_code == 2
