"""Who did what: which requests leave entries, how many, and that nothing is shown without one."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from tests.support.results import work
from web import trail
from web.audit import ACTIONS, ENTRY_WHEN_FILTERED, ENTRY_WHEN_TAKEN, WITHOUT_ENTRY
from worker.access import PrincipalKind, Role, Scope
from worker.audit import Action, AuditEvent

NO_CLINIC = "\N{EN DASH}"  # in the column of clinics


@pytest.fixture
def entries(app, store):
    """The entries so far, those that wait for the end of their minute included."""

    def read() -> list:
        app.extensions["cxr"].trail.close()
        return [record.event for record in store.audit_entries()]

    return read


@pytest.fixture
def finished(upload, store, png) -> dict:
    job = upload({"Doe^John.png": png, "b.png": png}).json
    work(store, 2)
    return job


def test_the_routes_that_are_named_exist(app):
    named = set(ACTIONS) | WITHOUT_ENTRY | ENTRY_WHEN_FILTERED | ENTRY_WHEN_TAKEN
    assert named <= set(app.view_functions)
    assert not set(ACTIONS) & WITHOUT_ENTRY


def test_what_a_program_does_is_written_down(client, entries, finished):
    client.get("/api/v1/jobs/1/results.csv")
    client.post("/api/v1/jobs/1/cancel")
    client.delete("/api/v1/jobs/1")
    found = entries()
    assert [(event.action, event.job_id) for event in found] == [
        (Action.UPLOADED, 1),
        (Action.EXPORTED, 1),
        (Action.CHANGED, 1),
        (Action.DELETED, 1),
    ]
    assert found[2].detail == {"route": "jobs.cancel_job"}
    assert {(event.who_kind, event.who_id, event.clinic_id) for event in found} == {("token", 1, 1)}
    assert {event.address for event in found} == {"127.0.0.1"}


def test_views_of_one_job_are_one_entry_a_minute_and_one_for_what_follows(
    client, entries, finished, store
):
    client.get("/api/v1/images/1")
    before = len(list(store.audit_entries()))
    for _ in range(20):
        client.get("/api/v1/images/1/preview.png")
        client.get("/api/v1/images/2")
        client.get("/api/v1/jobs/1/images")
    assert len(list(store.audit_entries())) == before
    views = [event for event in entries() if event.action is Action.VIEWED]
    assert [(event.job_id, event.image_ids) for event in views] == [(1, (1,)), (1, (2,))]


def test_what_the_viewer_loads_ahead_is_marked_until_somebody_opens_it(
    client, reader, entries, finished
):
    client.get("/api/v1/images/1")
    ahead = {"Purpose": "prefetch"}
    client.get("/api/v1/images/2", headers=ahead)
    client.get("/api/v1/images/2/preview.png", headers={"Sec-Purpose": "prefetch;prerender"})
    views = [event for event in entries() if event.action is Action.VIEWED]
    assert [(event.image_ids, dict(event.detail)) for event in views] == [
        ((1,), {}),
        ((2,), {"loaded": "ahead"}),
    ]
    assert "loaded ahead by the viewer" in reader.get("/audit").text
    client.get("/api/v1/images/2")
    opened = entries()[-1]
    assert (opened.image_ids, dict(opened.detail)) == ((2,), {})


def test_an_export_or_a_deletion_is_never_called_loaded_ahead(client, entries, finished):
    ahead = {"Purpose": "prefetch"}
    for path in ("images/1/report.pdf", "jobs/1/results.csv"):
        assert client.get(f"/api/v1/{path}", headers=ahead).status_code == 200
    assert client.delete("/api/v1/images/1", headers=ahead).status_code == 204
    assert "ahead" not in str(entries())


def test_a_new_minute_is_a_new_entry(client, entries, finished, monkeypatch):
    monkeypatch.setattr(trail, "MINUTE_S", 0.0)
    client.get("/api/v1/images/1")
    client.application.extensions["cxr"].trail._write_rests(everything=True)
    client.get("/api/v1/images/1")
    views = [event for event in entries() if event.action is Action.VIEWED]
    assert [event.image_ids for event in views] == [(1,), (1,)]


def test_counts_leave_an_entry_where_a_filter_may_single_somebody_out(client, entries, finished):
    for counts in ("images/tally", "jobs/1/tally"):
        assert client.get(f"/api/v1/{counts}").json["total"] == 2
        assert client.get(f"/api/v1/{counts}?search=Doe").json["labels"] == {"PNEUMONIA": 1}
    views = [event for event in entries() if event.action is Action.VIEWED]
    assert [(event.job_id, dict(event.detail)) for event in views] == [
        (None, {"route": "images.tally_clinic"}),
        (1, {}),
    ]


def test_a_poll_that_is_told_nothing_new_costs_no_statement(client, finished, store, monkeypatch):
    etag = client.get("/api/v1/jobs/1/images").headers["ETag"]
    here = client.application.extensions["cxr"]
    monkeypatch.setattr(type(here.trail), "write_once_a_minute", lambda *_: pytest.fail("written"))
    monkeypatch.setattr(type(here.trail), "write", lambda *_: pytest.fail("written"))
    answer = client.get("/api/v1/jobs/1/images", headers={"If-None-Match": etag})
    assert answer.status_code == 304
    assert client.get("/api/v1/jobs/1").status_code == 200


def test_signing_in_out_and_failing_leave_entries(visitor, reader, entries, app):
    reader.post("/sign-out", headers={"Origin": "http://localhost"})
    guesser = app.test_client()
    for guess in range(30):
        guesser.get("/api/v1/jobs", headers={"Authorization": f"Bearer guess-{guess}"})
    guesser.post(
        "/sign-in", data={"token": "another guess"}, headers={"Origin": "http://localhost"}
    ).close()
    found = entries()
    assert [event.action for event in found] == [
        Action.SIGNED_IN,
        Action.SIGNED_OUT,
        Action.REFUSED,
        Action.REFUSED,
    ]
    assert (found[0].who_kind, found[0].clinic_id) == ("token", 1)
    assert (found[1].who_kind, found[1].who_id) == (found[0].who_kind, found[0].who_id)
    first, rest = found[2:]
    assert (first.who_kind, first.address, first.detail["status"]) == ("nobody", "127.0.0.1", 401)
    assert rest.detail["times"] == 30
    assert "guess" not in str(found)


def test_no_entry_holds_a_name_of_a_file_or_a_patient(client, entries, finished):
    client.get("/api/v1/images/1")
    client.get("/api/v1/jobs/1/results.json")
    assert "Doe" not in str(entries())


@pytest.mark.parametrize("path", ["images/1", "images/1/preview.png", "jobs/1/results.csv"])
def test_without_an_entry_nothing_is_shown(client, finished, monkeypatch, path):
    def full(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("the disk is full"))

    monkeypatch.setattr(client.application.extensions["cxr"].store, "audit", full, raising=False)
    monkeypatch.setattr(type(client.application.extensions["cxr"].store), "audit", full)
    answer = client.get(f"/api/v1/{path}")
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")


def test_an_image_whose_job_cannot_be_looked_up_is_not_shown(client, finished, monkeypatch):
    def lost(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("server closed the connection"))

    monkeypatch.setattr(client.application.extensions["cxr"].trail, "job_of_image", lost)
    answer = client.get("/api/v1/images/1")
    assert (answer.status_code, answer.json["code"]) == (503, "database_unavailable")


def test_the_page_goes_back_without_the_numbers_of_the_chain(reader, store, clinic):
    """They count the entries of all clinics."""
    events = [AuditEvent(Action.EXPORTED, clinic_id=clinic.id, job_id=n) for n in range(1, 102)]
    store.audit(events)
    newest = reader.get("/audit?action=exported").text
    link = re.search(r'href="(/audit[?]before=([^"&]+)[^"]*)"', newest)
    assert not link[2].isdecimal()
    older = reader.get(html.unescape(link[1])).text
    not_a_place = reader.get("/audit?action=exported&before=3").text
    shown = [
        [int(number) for number in re.findall(r"audit[?]job_id=(\d+)", page)]
        for page in (newest, older, not_a_place)
    ]
    assert shown == [list(range(101, 1, -1)), [1], shown[0]]


def test_the_page_shows_and_filters(reader, client, finished):
    client.get("/api/v1/jobs/1/results.csv")
    page = reader.get("/audit")
    assert page.status_code == 200
    for word in ("Exported", "Uploaded", "Signed in", "Export the results of a job as CSV"):
        assert f"<td>{word}</td>" in page.text
    assert "exports." not in page.text
    only = reader.get("/audit?action=exported&job_id=1")
    assert "<td>Exported</td>" in only.text
    assert "<td>Uploaded</td>" not in only.text
    assert "No entries." in reader.get("/audit?until=2020-01-01").text
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert "No entries." in reader.get(f"/audit?since={tomorrow}").text
    ahead = reader.get(f"/audit?since={tomorrow}&utc_offset=1440").text
    assert "No entries." not in ahead, "a day begins where the reader is"
    assert '<time datetime="' in ahead
    for odd in (
        *("action=x&job_id=x&since=x&before=x&utc_offset=x", f"job_id={2**70}"),
        *("until=9999-12-31", "since=0001-01-01&utc_offset=60"),
    ):
        assert reader.get(f"/audit?{odd}").status_code == 200


@pytest.fixture
def operator(store, app):
    """A browser of somebody who sees the whole system."""
    link = store.link(store.invite(None, [Role.OPERATOR]))
    person = store.accept_invitation(link.id, "Eve", "no password")
    browser = app.test_client()
    browser.set_cookie("cxr_session", store.open_session(PrincipalKind.PERSON, person.id, "", ""))
    return browser


def test_an_operator_sees_what_happened_in_all_clinics_and_outside_of_any(
    operator, reader, client, finished, store, clinic
):
    client.get("/api/v1/jobs/1/results.csv")
    client.application.test_client().post(
        "/sign-in", data={"token": "a guess"}, headers={"Origin": "http://localhost"}
    ).close()
    other = store.clinic_named(store.create_token("northern", [Scope.READ])[0].clinic.name)
    store.audit(
        [
            AuditEvent(Action.DELETED, other.id, "person", 9, "Ann", job_id=77, image_ids=(8, 9)),
            AuditEvent(Action.TOKEN_CREATED, who_kind="command", detail={"token": 5}),
        ]
    )

    def shown(query: str) -> list[tuple[str, str]]:
        """Clinic and action of each entry."""
        rows = re.findall(
            r"<tr>\s*<td><time.*?</tr>", operator.get(f"/operations/audit{query}").text, re.S
        )
        cells = [re.findall(r"<td>(.*?)</td>", row, re.S) for row in rows]
        return [(re.sub("<[^>]+>", "", row[1]), row[3]) for row in cells]

    assert "/operations/audit" in operator.get("/operations").text
    everything = shown("")
    assert {("default", "Uploaded"), ("default", "Exported"), ("northern", "Deleted")} <= set(
        everything
    )
    assert {(NO_CLINIC, "Refused"), (NO_CLINIC, "Token created")} <= set(everything)
    assert shown(f"?clinic={other.id}") == [("northern", "Deleted")]
    assert {clinic for clinic, _ in shown("?clinic=no_clinic")} == {NO_CLINIC}
    assert (NO_CLINIC, "Token created") in shown("?clinic=no_clinic")
    assert {name for name, _ in shown(f"?clinic={clinic.id}&action=exported")} == {"default"}
    assert shown("?job_id=77") == [("northern", "Deleted")]
    assert shown("?until=2020-01-01") == []
    assert len(shown("?clinic=x")) >= len(everything)
    page = operator.get("/operations/audit?action=deleted").text
    assert "8, 9" in page
    assert "Doe" not in operator.get("/operations/audit").text


def test_an_operator_goes_back_within_the_clinic_that_was_asked_for(operator, store, clinic):
    events = [AuditEvent(Action.EXPORTED, clinic_id=clinic.id, job_id=n) for n in range(1, 102)]
    store.audit([*events, AuditEvent(Action.EXPORTED, job_id=500)])
    newest = operator.get(f"/operations/audit?clinic={clinic.id}").text
    link = html.unescape(re.search(r'href="(/operations/audit[?]before=[^"]+)"', newest)[1])
    assert f"clinic={clinic.id}" in link
    older = operator.get(link).text
    jobs = [re.findall(r"audit[?]job_id=(\d+)", page) for page in (newest, older)]
    assert jobs == [[str(number) for number in range(101, 1, -1)], ["1"]]


def test_that_an_operator_read_the_trail_is_an_entry(operator, reader, entries):
    assert operator.get("/operations/audit").status_code == 200
    assert reader.get("/operations/audit").status_code == 403
    read = [(event.who, event.action) for event in entries() if "audit.of_all" in str(event.detail)]
    assert ("Eve", Action.VIEWED) in read
    assert [action for who, action in read if who != "Eve"] == [Action.REFUSED]
