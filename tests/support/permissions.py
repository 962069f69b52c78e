"""Who gets in where: every route is asked as every kind of principal.

python -m tests.support.permissions > docs/permissions.md
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from apiflask import APIFlask
from PIL import Image
from werkzeug.routing import Rule

from tests.support.access import SECRET_KEY, TOKEN
from tests.support.pictures import encoded
from tests.support.results import work
from tests.support.rows import create_job, new_images
from web.app import create_app
from worker.access import SCOPE_MEANS, SCOPES_OF_ROLE, Principal, PrincipalKind, Role, Scope
from worker.errors import NotFound
from worker.pictures.files import FILM
from worker.settings import Settings
from worker.store import DEFAULT_CLINIC, Store
from worker.store.migrations import migrate

ORIGIN = {"Origin": "http://localhost"}
TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "1", "Upload-Metadata": "filename YQ=="}
NAMES = {"language": "es", "version": "0", "name": "attention", "filename": "base.css"}
FORM = {"roles": "reader", "scopes": "read", "profile": "clinical"}
JSON = {
    "/api/v1/jobs/<int:job_id>": {"name": "job"},
    "/api/v1/jobs/<int:job_id>/blind": {"blind": False},
    "/api/v1/jobs/<int:job_id>/readers": {"readers": 1},
    "/api/v1/images/<int:image_id>/review": {"verdict": "agree"},
}
# What an answer means for whoever asked.
ENTERS, STRANGER, LACKS, NOT_THEIRS = "yes", "sign in", "no", "404"


@dataclass(frozen=True)
class Asking:
    """A kind of principal. It uses pages with a session; the API too, when it has no token."""

    kind: str
    principal: tuple[PrincipalKind, int] | None = None
    token: str | None = None


@dataclass(frozen=True)
class Route:
    method: str
    rule: str
    endpoint: str
    numbered: bool  # it names something of the clinic

    @property
    def is_page(self) -> bool:
        return not self.rule.startswith("/api/") or "/docs" in self.rule


def routes(app: APIFlask) -> list[Route]:
    return [
        Route(method, rule.rule, rule.endpoint, any(_is_number(rule)))
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint))
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def _is_number(rule: Rule) -> Iterator[bool]:
    return (name.endswith("_id") for name in rule.arguments)


class Walk:
    """A store with a job of the first clinic, and somebody of every kind who asks."""

    def __init__(self, store: Store, app: APIFlask) -> None:
        self.app = app
        self._store = store
        self._clinic = store.ensure_clinic(DEFAULT_CLINIC, TOKEN)
        self._job = self._image = 0
        self._other_person = self._person(Role.READER, "somebody else")
        self._other_token = store.create_token(DEFAULT_CLINIC, [Scope.READ])[0].id
        self.asking = [
            Asking("nobody"),
            *(self._with_token(f"scope {scope}", [scope]) for scope in Scope),
            *(self._with_role(role) for role in Role),
            self._shut_out(),
            self._with_token("expired", Scope, expires_days=1e-9),
            self._revoked(),
            self._with_token("another clinic", Scope, clinic="another"),
        ]
        self._outcomes: dict[tuple[Route, str], str] = {}
        # The walk asks far more often than anybody may.
        next(iter(app.extensions["limiter"])).enabled = False

    def outcome(self, route: Route, asking: Asking) -> str:
        """What came of asking, in the words above. Each route is asked once as each kind."""
        key = (route, asking.kind)
        if key not in self._outcomes:
            self._outcomes[key] = self._ask(route, asking)
        return self._outcomes[key]

    def _ask(self, route: Route, asking: Asking) -> str:
        self._job_is_there()
        if route.endpoint == "clinic_settings.release":
            self._store.hold_job(self._clinic.id, self._job)
        browser = self.app.test_client()
        headers = ORIGIN | (TUS if "/uploads" in route.rule else {})
        if asking.token is not None and not route.is_page:
            headers["Authorization"] = f"Bearer {asking.token}"
        elif asking.principal is not None:
            browser.set_cookie("cxr_session", self._store.open_session(*asking.principal, "", ""))
        body = JSON.get(route.rule) if route.method in ("PUT", "PATCH") else None
        form = FORM if route.method == "POST" and route.is_page else None
        answer = browser.open(
            self._path(route, asking), method=route.method, headers=headers, data=form, json=body
        )
        location = answer.headers.get("Location", "")
        if answer.status_code == 401 or (
            answer.status_code == 302 and location.startswith("/sign-in")
        ):
            return STRANGER
        if answer.status_code == 403 and "needs the permission" in answer.text:
            return LACKS
        if answer.status_code == 404:
            return NOT_THEIRS
        return ENTERS

    def _path(self, route: Route, asking: Asking) -> str:
        """An address of the first clinic."""
        values = NAMES | {
            "job_id": self._job,
            "image_id": self._image,
            "person_id": self._other_person,
            "token_id": self._other_token,
            "upload_id": self._upload() if "<upload_id>" in route.rule else "",
            "session_id": self._session(route, asking) if "session_id>" in route.rule else 0,
            "view_id": self._view(asking) if "view_id>" in route.rule else 0,
        }
        path = route.rule
        for name, value in values.items():
            for converter in ("int:", "path:", ""):
                path = path.replace(f"<{converter}{name}>", str(value))
        return path

    def _session(self, route: Route, asking: Asking) -> int:
        """Of one's own account, a session of one's own; else of somebody else."""
        person = (PrincipalKind.PERSON, self._other_person)
        owner = asking.principal if asking.principal and "account" in route.rule else person
        self._store.open_session(*owner, "", "")
        return max((one.id for one in self._store.sessions_of(*owner)), default=1)

    def _view(self, asking: Asking) -> int:
        """One's own; for another clinic, somebody else's."""
        person = (PrincipalKind.PERSON, self._other_person)
        is_own = asking.principal and asking.kind != "another clinic"
        kind, number = asking.principal if is_own else person
        owner = Principal(kind, number, "", self._clinic, frozenset())
        self._store.save_view(owner, "view", "")
        return self._store.saved_views(owner)[-1].id

    def _upload(self) -> str:
        """An unfinished one of the first clinic."""
        unfinished = self.app.extensions["cxr"].unfinished
        return unfinished.begin(self._clinic.id, self._job, 1, "a.png").id

    def _job_is_there(self) -> None:
        """A classified image of the first clinic, made anew when a route has deleted it."""
        with suppress(NotFound):
            self._store.image(self._clinic.id, self._image)
            return
        images = [replace(image, original_name="original.png") for image in new_images(1)]
        job = create_job(self._store, self._clinic.id, "job", images)
        work(self._store, 1)
        self._job = job.id
        image = self._store.images(self._clinic.id, job.id).items[0]
        self._image = image.id
        pictures = self.app.extensions["cxr"].pictures
        for picture, kind in (
            (pictures.small(image.file_key), "JPEG"),
            (pictures.large(image.file_key, FILM), "PNG"),
        ):
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(encoded(Image.new("L", (32, 32)), kind))

    def _with_token(self, kind: str, scopes, clinic: str = DEFAULT_CLINIC, **more) -> Asking:
        record, secret = self._store.create_token(clinic, scopes, **more)
        return Asking(kind, (PrincipalKind.TOKEN, record.id), secret)

    def _revoked(self) -> Asking:
        asking = self._with_token("revoked", Scope)
        self._store.revoke_token(asking.principal[1])
        return asking

    def _with_role(self, role: Role) -> Asking:
        return Asking(f"role {role}", (PrincipalKind.PERSON, self._person(role, role)))

    def _shut_out(self) -> Asking:
        person = self._person(Role.ADMIN, "a person who left")
        self._store.set_disabled(person, self._clinic.id, True)
        return Asking("shut out", (PrincipalKind.PERSON, person))

    def _person(self, role: Role, name: str) -> int:
        clinic = None if role is Role.OPERATOR else DEFAULT_CLINIC
        link = self._store.link(self._store.invite(clinic, [role]))
        return self._store.accept_invitation(link.id, name, "no password").id


def table(walk: Walk) -> str:
    """The outcome of every route for every kind, as Markdown."""
    kinds = [asking.kind for asking in walk.asking]
    lines = [
        "| route | " + " | ".join(kinds) + " |",
        "| --- |" + " --- |" * len(kinds),
    ]
    for route in routes(walk.app):
        outcomes = (walk.outcome(route, asking) for asking in walk.asking)
        lines.append(f"| `{route.method} {route.rule}` | " + " | ".join(outcomes) + " |")
    return "\n".join(lines)


def document(walk: Walk) -> str:
    scopes = "\n".join(f"| `{scope}` | {means} |" for scope, means in SCOPE_MEANS.items())
    roles = "\n".join(
        f"| {role} | {', '.join(f'`{scope}`' for scope in Scope if scope in scopes)} |"
        for role, scopes in SCOPES_OF_ROLE.items()
    )
    asked = len(routes(walk.app)) * len(walk.asking)
    return f"""# Permissions

Printed by `python -m tests.support.permissions`, which starts the web application, requests every
route as every kind of principal ({asked} requests), and records the outcome. A test compares.

The web server does not start if a route does not declare who may use it
(`web/auth/permissions.py`).

| scope | allows to |
| --- | --- |
{scopes}

| role of a person | scopes |
| --- | --- |
{roles}

A person may have several roles. The token of `CXR_TOKEN`, or of the token file of `cxr up`, has the
scopes of an admin.

**yes**: allowed. **sign in**: 401, or on a page a redirect to the sign-in. **no**: 403, the
permission is missing. **404**: the principal's clinic has no such thing. *Another clinic* has
every scope; *shut out* is a disabled admin. Roles use a session; scopes use a token, and on pages
a session of that token. Nobody in this table has to set up a second factor: for people who must,
every page redirects to its set-up, and the API answers 403 (`second_factor_required`; see
`tests/web/auth/test_required_factor.py`).

{table(walk)}
"""


@contextmanager
def temporary_walk() -> Iterator[Walk]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            home=Path(folder), redis_url="redis://127.0.0.1:1/0", secret_key=SECRET_KEY
        )
        store = Store(settings.database_url)
        migrate(store.database)
        app = create_app(settings)
        try:
            yield Walk(store, app)
        finally:
            app.extensions["cxr"].painter.close()
            store.close()


if __name__ == "__main__":
    with temporary_walk() as walk:
        print(document(walk), end="")
