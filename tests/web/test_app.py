import logging
import subprocess
import sys
from dataclasses import replace

import pytest
from sqlalchemy import text

from tests.support.results import work
from web.app import create_app
from worker.errors import SettingsError


def test_health_needs_no_token(visitor):
    answer = visitor.get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_a_database_that_is_unreachable_is_a_problem_and_not_the_end_of_the_server(settings):
    gone = replace(settings, database_url="postgresql://nobody@127.0.0.1:1/none")
    program = create_app(gone).test_client()
    assert program.get("/healthz").status_code == 200
    answer = program.get("/api/v1/jobs", headers={"Authorization": "Bearer some"})
    assert answer.status_code == 503
    assert answer.json["code"] == "database_unavailable"
    assert answer.headers["Retry-After"]


def test_a_server_without_a_secret_key_does_not_start(settings):
    with pytest.raises(SettingsError, match="CXR_SECRET_KEY"):
        create_app(replace(settings, secret_key=""))


@pytest.mark.parametrize("path", ["/", "/sign-in", "/healthz", "/api/v1/jobs", "/static/0/a.css"])
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path).headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_no_page_has_inline_scripts_or_styles_or_another_host(reader, upload):
    upload({"a.png": b"x"})
    for path in ("/", "/jobs/1", "/images/1", "/sign-in", "/nothing"):
        page = reader.get(path).text
        assert "style=" not in page
        assert "<style" not in page
        assert "onclick" not in page
        assert "http://" not in page
        assert "https://" not in page
        scripts = page.count("<script") - page.count('<script type="application/json"')
        assert scripts == page.count('<script type="module" src="/static/')


def test_an_unexpected_error_is_logged_without_its_message(store, client, upload, caplog):
    upload({"a.png": b"x"})
    work(store, 1)
    with store.database.writing() as session:
        session.execute(text("UPDATE maps SET height = 7"))  # the grid does not fit now
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v1/images/1/attention.json")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "ValueError while answering images.attention_grid" in caplog.text
    assert "cannot reshape" not in caplog.text + answer.text


@pytest.mark.slow
def test_the_web_server_loads_nothing_that_runs_networks_or_checks_new_passwords(settings, store):
    program = (
        "import sys; from web.app import create_app; app = create_app(); "
        "assert app.test_client().get('/healthz').status_code == 200; "
        "unwanted = {'tensorflow', 'keras', 'ai_edge_litert', 'requests', 'zxcvbn'}; "
        "print([name for name in sys.modules if name.split('.')[0] in unwanted])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=settings.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "[]"
