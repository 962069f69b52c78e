"""Tokens over the API: what IT needs to renew them by a program."""

import pytest

from worker.access import Scope
from worker.audit import Action
from worker.tokens import is_well_formed

URL = "/api/v1/tokens"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_is_renewed(client, visitor, store):
    wanted = {"name": "PACS gateway", "scopes": ["upload", "read"], "expires_days": 90}
    answer = client.post(URL, json=wanted)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    made = answer.json
    assert is_well_formed(made["token"])
    assert (made["name"], made["state"], made["scopes"]) == (
        "PACS gateway",
        "active",
        ["read", "upload"],
    )
    assert made["expires_at"] is not None
    assert visitor.get("/api/v1/jobs", headers=bearer(made["token"])).status_code == 200
    listed = client.get(URL)
    assert [one["id"] for one in listed.json["items"]] == [1, made["id"]]
    assert made["token"] not in listed.text
    assert client.delete(f"{URL}/{made['id']}").status_code == 204
    assert visitor.get("/api/v1/jobs", headers=bearer(made["token"])).status_code == 401
    assert client.get(URL).json["items"][1]["state"] == "revoked"
    events = [record.event for record in store.audit_entries()]
    kept = [
        (event.action, event.detail["token"])
        for event in events
        if event.action in (Action.TOKEN_CREATED, Action.TOKEN_REVOKED)
    ]
    assert kept == [(Action.TOKEN_CREATED, made["id"]), (Action.TOKEN_REVOKED, made["id"])]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scopes": []},
        {"scopes": ["operate"]},
        {"scopes": ["read"], "expires_days": 0},
        {"scopes": ["read"], "expires_days": "soon"},
        {"scopes": ["read"], "name": "x" * 201},
        {"scopes": ["read"], "clinic": "another"},
    ],
)
def test_what_no_token_can_be_is_refused(client, store, body):
    assert client.post(URL, json=body).status_code == 422
    assert len(store.tokens()) == 1


def test_only_admins_of_the_clinic_get_at_them(app, client, visitor, store):
    _, reads = store.create_token("default", [Scope.READ])
    created, other = store.create_token("another", set(Scope) - {Scope.OPERATE})
    assert visitor.get(URL, headers=bearer(reads)).status_code == 403
    assert [one["id"] for one in visitor.get(URL, headers=bearer(other)).json["items"]] == [
        created.id
    ]
    assert visitor.delete(f"{URL}/2", headers=bearer(other)).status_code == 404
    assert visitor.get(URL, headers=bearer(reads)).status_code == 403


def test_a_refusal_names_the_scopes_that_a_clinic_can_give(client):
    answer = client.post("/api/v1/tokens", json={"scopes": ["operate"]})
    said = "scopes.0: Input should be 'read', 'review', 'upload', 'delete' or 'admin'"
    assert (answer.status_code, answer.json["detail"]) == (422, said)
