"""Every route as every kind of principal: who gets in, and who does not."""

from pathlib import Path

import pytest

from tests.support.permissions import (
    ENTERS,
    LACKS,
    NOT_THEIRS,
    STRANGER,
    Asking,
    Route,
    Walk,
    document,
    routes,
    temporary_walk,
)
from web.app import create_app
from web.auth.permissions import UndeclaredRoute, check_declared, permits, scopes_of_route
from worker.access import SCOPES_OF_ROLE, Scope

# Without a sign-in: what is needed to sign in, files without data, and signs of life.
OPEN = {
    "/sign-in",
    "/sign-in/code",
    "/sign-in/link",
    "/sign-in/provider",
    "/sign-in/provider/back",
    "/sign-out",
    "/language",
    "/language/<language>-<version>.json",
    "/static/<version>/<path:filename>",
    "/api/v1/openapi.json",
    "/healthz",
    "/readyz",
}


@pytest.fixture(scope="module")
def walk():
    with temporary_walk() as walk:
        yield walk


def expected(walk: Walk, route: Route, asking: Asking) -> str:
    if "/provider" in route.rule:
        return NOT_THEIRS  # none is configured here
    if route.rule in OPEN:
        return ENTERS
    if asking.kind in ("nobody", "shut out", "expired", "revoked"):
        return STRANGER
    if asking.kind == "another clinic":
        return NOT_THEIRS if route.numbered and "account" not in route.rule else ENTERS
    what, name = asking.kind.split()
    has = {Scope(name)} if what == "scope" else SCOPES_OF_ROLE[name]
    return ENTERS if has & scopes_of_route(walk.app, route.endpoint) else LACKS


def test_every_route_lets_in_whom_it_should_and_nobody_else(walk):
    wrong = [
        f"{route.method} {route.rule} as {asking.kind}: {found}, not {wanted}"
        for route in routes(walk.app)
        for asking in walk.asking
        if (found := walk.outcome(route, asking)) != (wanted := expected(walk, route, asking))
    ]
    assert wrong == []


def test_only_readers_see_x_rays_and_only_the_scope_delete_deletes(walk):
    for route in routes(walk.app):
        needed = scopes_of_route(walk.app, route.endpoint)
        if ("review" in route.rule and route.method != "GET") or "anyway" in route.rule:
            assert needed == {Scope.REVIEW}
        elif "/tokens" in route.rule or "original-name" in route.rule:
            assert needed == {Scope.ADMIN}
        elif "/uploads" in route.rule:
            assert needed == {Scope.UPLOAD}
        elif route.method == "DELETE" or route.rule.endswith("/images/delete"):
            assert needed == {Scope.DELETE}
        elif (route.method == "GET" and "/images/" in route.rule) or "results." in route.rule:
            assert needed == {Scope.READ}
        elif route.method == "POST" and route.rule.startswith("/api/v1/jobs"):
            assert needed == {Scope.UPLOAD}
        assert bool(needed) == (route.rule not in OPEN)


def test_the_document_shows_it_as_it_is(walk):
    printed = Path("docs/permissions.md").read_text()
    assert document(walk) == printed, (
        "run `python -m tests.support.permissions > docs/permissions.md`"
    )


def test_a_route_that_declares_nothing_keeps_the_server_from_starting(settings):
    app = create_app(settings)
    app.get("/undeclared")(lambda: "open to whom?")
    with pytest.raises(UndeclaredRoute, match="does not say who may use it"):
        check_declared(app)


def test_a_route_cannot_be_open_by_naming_no_scope():
    with pytest.raises(ValueError, match="anyone"):
        permits()
