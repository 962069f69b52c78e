"""Leaked passwords: looked up by the first letters of a hash, where a service is set."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.access import PASSWORD
from tests.support.scripted import Answer, Scripted
from web.auth import leaked_passwords
from web.auth.new_password import check_new_password
from worker.access import Role
from worker.errors import PasswordRefused
from worker.records.clinics import ClinicRecord

DIGEST = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()
REST = DIGEST[5:]


@pytest.fixture
def service() -> Iterator[Scripted]:
    service = Scripted()
    yield service
    service.close()


@pytest.fixture
def settings(settings, service):
    return replace(settings, leaked_passwords_url=f"{service.url}/range/")


def check(app) -> None:
    with app.app_context():
        check_new_password(PASSWORD, "Maria", ClinicRecord(1, "default"))


def test_only_the_beginning_of_its_hash_leaves_the_server(app, service):
    service.gives(200, f"{REST[:-1]}{'1' if REST[-1] != '1' else '2'}:12\r\n{REST}:0\r\n".encode())
    check(app)
    [(line, headers)] = service.requests
    assert line == f"GET /range/{DIGEST[:5]}"
    assert headers["Add-Padding"] == "true"
    assert REST not in str(headers)
    assert PASSWORD not in str(headers)


def test_a_leaked_one_is_refused(app, service):
    service.gives(200, f"{'0' * 35}:7\r\n{REST}:3\r\n".encode())
    with pytest.raises(PasswordRefused, match="was leaked"):
        check(app)


def test_the_page_says_so(app, service, store, visitor):
    service.gives(200, f"{REST}:3\r\n".encode())
    visitor.get(f"/sign-in?link={store.invite('default', [Role.READER])}")
    form = {"name": "Maria", "password": PASSWORD}
    answer = visitor.post("/sign-in/link", data=form, headers={"Origin": "http://localhost"})
    assert answer.status_code == 422
    assert "This password was leaked" in answer.text


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503),
        Answer(302, {"Location": "/elsewhere"}),
        Answer(),  # hangs up
        Answer(stalls_s=1),
        Answer(200, {"Content-Length": "9"}),  # ends too early
        Answer(200, content=b"x" * 2_000),
        Answer(200, content=b"\xff\xfe:\x00\n:::\n"),
    ],
)
def test_a_service_that_fails_keeps_nobody_out(app, service, caplog, monkeypatch, answer):
    monkeypatch.setattr(leaked_passwords, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(leaked_passwords, "MAX_ANSWER", 1_000)
    service.answers.append(answer)
    check(app)
    assert len(service.requests) == 1
    assert PASSWORD not in caplog.text
    if answer.content[:1] != b"\xff":  # an answer all the same, without this password
        assert "could not be looked up" in caplog.text


def test_without_the_setting_nobody_is_asked(app, service):
    services = app.extensions["cxr"]
    without = replace(services.settings, leaked_passwords_url="")
    app.extensions["cxr"] = replace(services, settings=without)
    check(app)
    assert service.requests == []
