"""Entries of the audit trail in words: no admin reads the name of a route."""

import pytest

from web.auth.permissions import ANYONE, scopes_of_route
from web.showing.deeds import DEEDS, described
from worker.audit import Action, AuditEvent
from worker.patient_data import PatientDataRule, Profile
from worker.records.clinics import Retention

DETAILS = [
    ({"route": "jobs.cancel_job"}, "Cancel a job"),
    ({"status": 403, "route": "jobs.delete_job"}, "Delete a job, not permitted"),
    (
        {"status": 401, "route": "none", "times": 30},
        "Something else (none), not signed in, 30 times",
    ),
    (
        {"route": "tokens.create_token", "token": 3, "scopes": "read review"},
        "Create an access token, token 3, scopes: read, review",
    ),
    (
        {"route": "access.set_roles", "person": 4, "roles": "reader admin"},
        "Change a person's roles, person 4, roles: reader, admin",
    ),
    ({"what": "token_replaced", "token": 5}, "The configured access token was replaced, token 5"),
    ({"link": "invitation"}, "with an invitation"),
    ({"second_factor": "recovery_code"}, "with a recovery code"),
    ({"route": "clinic_settings.hold", "what": "hold_job"}, "Hold a job"),
    ({"what": "files"}, "X-rays were kept for their time"),
    (
        {"what": "files_encrypted", "files": 1, "key": "0a1b"},
        "Encrypt the stored files, 1 file, key 0a1b",
    ),
    (
        {"route": "operations.retry", "reason": "file_missing", "images": 2},
        "Retry what failed for one reason, The stored file is gone from the server's disk. "
        "Upload it again, 2 images",
    ),
    ({"times": 1}, "1 time"),
    ({}, ""),
]


@pytest.mark.parametrize(("detail", "words"), DETAILS, ids=[words for _, words in DETAILS])
def test_the_detail_of_an_entry_is_a_sentence(app, detail, words):
    with app.test_request_context("/audit"):
        assert described(AuditEvent(Action.CHANGED, detail=detail)) == words
    with app.test_request_context("/audit", headers={"Accept-Language": "es"}):
        there = described(AuditEvent(Action.CHANGED, detail=detail))
    assert (there == words) == (words == "")


def test_settings_are_told_as_their_page_calls_them(app):
    details = Retention(files=0, pictures=1).as_detail()
    details |= PatientDataRule(Profile.RESEARCH, hides_text=True).as_detail()
    with app.test_request_context("/audit"):
        words = described(AuditEvent(Action.SETTINGS_CHANGED, detail=details))
    assert words == (
        "X-rays: 0 days, Small pictures: 1 day, Maps: as long as the job, "
        "Jobs with their results: for ever, Research, text in pictures is hidden: yes"
    )


def test_every_route_that_asks_who_somebody_is_has_words(app):
    needed = {name for name in app.view_functions if scopes_of_route(app, name) != ANYONE}
    assert needed - set(DEEDS) == set()
    assert set(DEEDS) <= set(app.view_functions)
