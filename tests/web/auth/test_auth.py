import pytest

from tests.support.access import TOKEN


def test_the_api_needs_a_token(visitor):
    answer = visitor.get("/api/v1/jobs")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json["detail"]


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic abc", "wrong"])
def test_a_wrong_token_does_not_open_the_api(visitor, header):
    assert visitor.get("/api/v1/jobs", headers={"Authorization": header}).status_code == 401


def test_the_sign_in_link_opens_a_session_and_the_token_leaves_the_address(visitor):
    answer = visitor.get(f"/sign-in?token={TOKEN}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    assert visitor.get("/").status_code == 200
    assert visitor.get("/api/v1/jobs").status_code == 200


def test_a_visitor_comes_back_to_the_page_after_signing_in(visitor):
    sent_away = visitor.get("/jobs/7")
    assert sent_away.headers["Location"] == "/sign-in?next=/jobs/7"
    form = {"token": TOKEN, "next": "/jobs/7"}
    entered = visitor.post("/sign-in", data=form, headers={"Origin": "http://localhost"})
    assert (entered.status_code, entered.headers["Location"]) == (303, "/jobs/7")


def test_a_wrong_token_is_told_on_the_form(visitor):
    answer = visitor.post(
        "/sign-in", data={"token": "wrong"}, headers={"Origin": "http://localhost"}
    )
    assert answer.status_code == 403
    assert "not valid" in answer.text
    assert visitor.get("/").status_code == 302


@pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_signing_in_never_leads_to_another_site(visitor, wanted):
    answer = visitor.get("/sign-in", query_string={"token": TOKEN, "next": wanted})
    assert answer.headers["Location"] == "/"


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


def test_signing_out_ends_the_session(reader):
    reader.post("/sign-out", headers={"Origin": "http://localhost"})
    assert reader.get("/").status_code == 302


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
