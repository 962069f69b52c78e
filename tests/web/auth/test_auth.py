import io
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from tests.support.access import TOKEN, sign_in
from tests.support.waiting import wait_for
from web.app import create_app
from web.auth.permissions import permits
from worker.access import Scope
from worker.store.accounts.tables import Session
from worker.store.rows import now

ORIGIN = {"Origin": "http://localhost"}
HOUR = timedelta(hours=1)


def test_the_api_needs_a_token(visitor):
    answer = visitor.get("/api/v1/jobs")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json["detail"]


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic abc", "wrong"])
def test_a_wrong_token_does_not_open_the_api(visitor, header):
    assert visitor.get("/api/v1/jobs", headers={"Authorization": header}).status_code == 401


def test_the_form_opens_a_session(visitor):
    answer = sign_in(visitor)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("cxr_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert TOKEN not in cookie
    assert visitor.get("/").status_code == 200
    assert visitor.get("/api/v1/jobs").status_code == 200


def test_behind_tls_every_cookie_belongs_to_this_host_alone(settings, store):
    app = create_app(replace(settings, secure_cookies=True))
    visitor = app.test_client()
    here = {"base_url": "https://cxr.example", "headers": {"Origin": "https://cxr.example"}}
    answers = [
        visitor.get(f"/sign-in?link={store.sign_in_link(TOKEN)}", **here),
        visitor.post("/language", data={"language": "es"}, **here),
        visitor.post("/sign-in", data={"token": TOKEN}, **here),
        visitor.post("/settings/retention", **here),  # the next page says that it is set
    ]
    names = []
    for answer in answers:
        assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, *attributes = cookie.split("; ")
            names.append(name.partition("=")[0])
            assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes)
            assert "Domain" not in cookie
    assert set(names) == {f"__Host-cxr_{n}" for n in ("link", "language", "session", "passing")}
    assert visitor.get("/", **here).status_code == 200


def test_on_plain_http_there_is_no_promise_of_https(visitor):
    assert "Strict-Transport-Security" not in visitor.get("/sign-in").headers


def test_a_visitor_comes_back_to_the_page_after_signing_in(visitor):
    sent_away = visitor.get("/jobs/7?status=failed")
    assert sent_away.headers["Location"] == "/sign-in?next=/jobs/7?status%3Dfailed"
    entered = sign_in(visitor, wanted="/jobs/7?status=failed")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/jobs/7?status=failed")


def test_a_wrong_token_is_told_on_the_form_and_leaves_a_line_in_the_log(visitor, caplog):
    answer = sign_in(visitor, "a wrong token")
    assert answer.status_code == 403
    assert "not valid" in answer.text
    assert visitor.get("/").status_code == 302
    assert "from 127.0.0.1" in caplog.text
    assert "a wrong token" not in caplog.text


@pytest.mark.parametrize("token", ["", " ", "\n"])
def test_an_empty_token_opens_nothing(visitor, token):
    assert sign_in(visitor, token).status_code == 403


REDIRECT_TRICKS = [
    *("https://evil.example", "HTTPS://evil.example", "//evil.example", "///evil.example"),
    *(
        "////evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\\/evil.example",
    ),
    *(
        "//evil.example/%2f..",
        "//evil.example@localhost/",
        "https:evil.example",
        "https:/evil.example",
    ),
    *("javascript:alert(1)", "data:text/html,x", "/\tevil", "/\n/evil.example", " //evil.example"),
    *("\x00//evil.example", "/\r\nLocation: https://evil.example", "evil.example", "@evil.example"),
]


def test_signing_in_never_leads_to_another_site(app):
    for wanted in REDIRECT_TRICKS:
        answer = sign_in(app.test_client(), wanted=wanted)
        assert answer.headers["Location"] == "/", repr(wanted)


def test_a_link_never_leads_to_another_site(app, store):
    for wanted in REDIRECT_TRICKS:
        query = {"link": store.sign_in_link(TOKEN), "next": wanted}
        opened = app.test_client().get("/sign-in", query_string=query)
        assert opened.headers["Location"] == "/sign-in/link", repr(wanted)


@pytest.mark.parametrize("token", ["bogus", TOKEN])
def test_a_token_in_an_address_neither_signs_in_nor_out(reader, store, token):
    store.ensure_clinic("another", "a-token-of-another-clinic")
    for path in (f"/sign-in?token={token}", "/sign-in?token=a-token-of-another-clinic"):
        assert reader.get(path).status_code == 200
        assert "default" in reader.get("/").text
        assert "another" not in reader.get("/").text


def test_a_link_names_its_clinic_and_signs_in_with_one_press_of_a_button(visitor, store):
    secret = store.sign_in_link(TOKEN)
    opened = visitor.get(f"/sign-in?link={secret}&next=/jobs/7")
    assert (opened.status_code, opened.headers["Location"]) == (303, "/sign-in/link?next=/jobs/7")
    page = visitor.get("/sign-in/link?next=/jobs/7")
    assert page.text.count("Sign in to default") == 2
    assert secret not in page.text
    assert visitor.get("/").status_code == 302  # looking at it signs nobody in
    pressed = visitor.post("/sign-in/link", data={"next": "/jobs/7"}, headers=ORIGIN)
    assert (pressed.status_code, pressed.headers["Location"]) == (303, "/jobs/7")
    assert visitor.get("/").status_code == 200


@pytest.mark.parametrize(
    "secret", ["", "a%1Bb", "%00", "%0D%0AX: 1", "a;b", "%F0%9F%A6%B4", "x" * 101]
)
def test_what_is_no_link_is_answered_as_one_that_has_ended(visitor, store, secret):
    visitor.get(f"/sign-in?link={store.sign_in_link(TOKEN)}")
    opened = visitor.get(f"/sign-in?link={secret}")
    assert opened.status_code == 303
    assert opened.headers["Set-Cookie"].startswith("cxr_link=;")
    assert "It was used already" in visitor.get("/sign-in/link").text


def test_a_link_works_once(visitor, app, store):
    secret = store.sign_in_link(TOKEN)
    visitor.get(f"/sign-in?link={secret}")
    other = app.test_client()
    other.get(f"/sign-in?link={secret}")
    assert visitor.post("/sign-in/link", headers=ORIGIN).headers["Location"] == "/"
    assert other.post("/sign-in/link", headers=ORIGIN).headers["Location"] == "/sign-in/link"
    page = other.get("/sign-in/link")
    assert page.status_code == 410
    assert "no longer works" in page.text
    assert other.get("/").status_code == 302


def test_a_link_of_another_site_moves_nobody_to_another_clinic(reader, store):
    store.ensure_clinic("another", "a-token-of-another-clinic")
    reader.get(f"/sign-in?link={store.sign_in_link('a-token-of-another-clinic')}")
    assert "You are signed in to default" in reader.get("/sign-in/link").text
    cross_site = {"Origin": "https://evil.example"}
    assert reader.post("/sign-in/link", headers=cross_site).status_code == 403
    assert 'title="Your account">default<' in reader.get("/").text


@pytest.mark.parametrize("path", ["/", "/jobs/1", "/images/1", "/nothing", "/sign-in"])
def test_every_page_names_the_clinic(reader, upload, path):
    upload({"a.png": b"x"})
    assert 'title="Your account">default<' in reader.get(path).text


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_session_only_acts_from_our_own_pages(reader, upload, headers, allowed):
    upload({"a.png": b"x"})
    answer = reader.post("/api/v1/jobs/1/cancel", headers=headers)
    assert answer.status_code == (200 if allowed else 403)


def test_a_token_acts_from_anywhere(client, upload):
    upload({"a.png": b"x"})
    assert client.post("/api/v1/jobs/1/cancel").json["status"] == "cancelled"


def test_signing_out_ends_the_session_and_its_cookie_is_worth_nothing(reader):
    stolen = reader.get_cookie("cxr_session").value
    answer = reader.post("/sign-out", headers=ORIGIN)
    assert answer.headers["Location"] == "/sign-in"
    assert answer.headers["Clear-Site-Data"] == '"cache"'  # with X-rays that the browser has kept
    assert reader.get("/").status_code == 302
    reader.set_cookie("cxr_session", stolen)
    assert reader.get("/").status_code == 302
    assert reader.get("/api/v1/jobs").status_code == 401


def test_signing_out_after_the_session_has_ended_and_in_again(reader, store):
    store.revoke_token(store.principal_of_token(TOKEN).id)
    out = reader.post("/sign-out", headers=ORIGIN)
    assert (out.status_code, out.headers["Location"]) == (303, "/sign-in")


def test_a_form_that_was_sent_too_late_does_not_become_an_address_to_come_back_to(settings, store):
    @permits(Scope.READ)
    def change():
        raise AssertionError("nobody is signed in")

    app = create_app(settings)
    app.post("/change")(change)
    assert app.test_client().post("/change", headers=ORIGIN).headers["Location"] == "/sign-in"


def test_signing_in_anew_ends_the_session_before(visitor):
    sign_in(visitor)
    earlier = visitor.get_cookie("cxr_session").value
    sign_in(visitor)
    assert visitor.get_cookie("cxr_session").value != earlier
    visitor.set_cookie("cxr_session", earlier)
    assert visitor.get("/").status_code == 302


def test_a_session_ends_with_its_token(reader, store):
    store.revoke_token(store.principal_of_token(TOKEN).id)
    assert reader.get("/").status_code == 302
    assert reader.post("/api/v1/jobs", headers=ORIGIN).status_code == 401


def test_a_clinic_that_was_deleted_uploads_nothing(reader, store):
    with store.database.writing() as session:
        for table in ("sessions", "tokens", "clinics"):
            session.execute(text(f"DELETE FROM {table}"))
    files = {"files": (io.BytesIO(b"x"), "a.png")}
    assert reader.post("/api/v1/jobs", data=files, headers=ORIGIN).status_code == 401


def test_the_use_of_a_token_is_noted_and_polls_do_not_keep_a_session(client, reader, store):
    client.get("/api/v1/jobs")
    wait_for(lambda: store.tokens()[0].last_used_at)
    with store.database.writing() as session:
        session.execute(update(Session).values(seen_at=now() - HOUR))
    etag = reader.get("/api/v1/jobs", headers={"If-None-Match": '"no"'}).headers["ETag"]
    reader.get("/api/v1/jobs", headers={"If-None-Match": etag})
    (listed,) = store.sessions_of_clinic(1)
    assert now() - listed.seen_at > HOUR
    reader.get("/")
    wait_for(lambda: now() - store.sessions_of_clinic(1)[0].seen_at < HOUR)


def test_another_clinic_sees_nothing(store, client, upload, visitor):
    upload({"a.png": b"x"})
    store.ensure_clinic("another", "another-token")
    theirs = {"Authorization": "Bearer another-token"}
    assert visitor.get("/api/v1/jobs", headers=theirs).json["items"] == []
    for path in (
        "jobs/1",
        "jobs/1/images",
        "jobs/1/results.csv",
        "images/1",
        "images/1/preview.png",
    ):
        ours = client.get(f"/api/v1/{path}")
        # The picture of a file that cannot be decoded is missing, but the image is known.
        assert ours.status_code == 200 or ours.json["code"] == "no_picture"
        answer = visitor.get(f"/api/v1/{path}", headers=theirs)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
