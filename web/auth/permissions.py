"""Which permission a route needs. Every route says so, or the server does not start."""

from collections.abc import Callable
from typing import TypeVar

from flask import Flask

from worker.access import Scope

View = TypeVar("View", bound=Callable)
_ATTRIBUTE = "cxr_scopes"
_SET_UP = "cxr_sets_up_second_factor"
ANYONE: frozenset[Scope] = frozenset()


class UndeclaredRoute(RuntimeError):
    """Raised when a route does not say who may use it."""


def permits(*scopes: Scope) -> Callable[[View], View]:
    """A route for those who have at least one of these scopes."""
    if not scopes:
        raise ValueError("A route that is open to everybody says so with `anyone`.")
    return lambda view: _declared(view, frozenset(scopes))


def signed_in(view: View) -> View:
    """A route for everybody who is signed in, or has a token of any kind."""
    return _declared(view, frozenset(Scope))


def anyone(view: View) -> View:
    """A route that needs no sign-in."""
    return _declared(view, ANYONE)


def sets_up_second_factor(view: View) -> View:
    """A route that those may use, too, who have to set up their second factor first."""
    setattr(view, _SET_UP, True)
    return view


def is_for_setting_up(app: Flask, endpoint: str) -> bool:
    return getattr(app.view_functions[endpoint], _SET_UP, False)


def scopes_of_route(app: Flask, endpoint: str) -> frozenset[Scope]:
    """Of which one is needed; ANYONE: none. Raises UndeclaredRoute."""
    scopes = getattr(app.view_functions[endpoint], _ATTRIBUTE, None)
    if scopes is None:
        raise UndeclaredRoute(
            f"The route {endpoint!r} does not say who may use it. Declare it with `@permits(…)`, "
            "`@signed_in` or `@anyone` of web.auth.permissions, below the line of its address."
        )
    return scopes


def check_declared(app: Flask) -> None:
    """Raises UndeclaredRoute unless every route of the application says who may use it."""
    for endpoint in app.view_functions:
        scopes_of_route(app, endpoint)


def _declared(view: View, scopes: frozenset[Scope]) -> View:
    setattr(view, _ATTRIBUTE, scopes)
    return view
