import json

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from cxr import main
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
