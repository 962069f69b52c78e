"""Two clinics on one server: whoever belongs to one learns and changes nothing of the other.

Every route of the URL map is asked with the other clinic's numbers in its address, and with all
that an address, a form or a body can name. A route or a parameter that is not known here fails.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import pypdf
import pytest
from apiflask import APIFlask
from PIL import Image
from sqlalchemy import column, or_, select, table, text
from sqlalchemy import inspect as inspected
from werkzeug.test import TestResponse

from tests.support.permissions import JSON, NAMES, ORIGIN, TUS, Route, routes
from tests.support.pictures import encoded
from tests.support.results import done, failed, rejected
from web.auth.permissions import scopes_of_route
from worker.access import SCOPES_OF_ROLE, PrincipalKind, Role, Scope
from worker.pictures.files import FILM
from worker.records.jobs import NewImage
from worker.records.reviews import NewReview, ReviewBox, Verdict
from worker.store import Store

MARK = "zebra7731"  # in every text of the other clinic
KEY = f"{MARK}-key"
# Of its jobs and images: no other number on a page looks like that.
FIRST_NUMBERS = {"jobs": 7_731_000, "images": 8_842_000}
PATIENT = "P-1"  # the same in both clinics
TOKEN_BODY = {"/api/v1/tokens": {"scopes": ["read"]}}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
EVERYTHING = frozenset(Scope) - {Scope.OPERATE}
# Parameters of the API that name nothing that belongs to anybody.
HARMLESS = {
    *("limit", "offset", "sort", "status", "label", "uncertain", "probability_of"),
    *("min_probability", "max_probability", "max_side", "opacity"),
}


@dataclass(frozen=True)
class Owned:
    """What a clinic has: numbers by the name that addresses give them; and where lists go on."""

    numbers: dict[str, list[int | str]]
    cursor: str

    def addresses(self, rule: str) -> list[str]:
        """A route's, of everything of this clinic that it can be asked for."""
        names = re.findall(r"<(?:\w+:)?(\w+)>", rule)
        known = self.numbers | {name: [value] for name, value in NAMES.items()}
        unknown = set(names) - set(known)
        assert not unknown, f"{rule}: {unknown} is not known here. Add it to `Clinics.owned`."
        return [
            re.sub(r"<[^>]+>", "{}", rule).format(*values)
            for values in product(*(known[name] for name in names))
        ]

    @property
    def queries(self) -> dict[str, list[str]]:
        """By parameter, what asks for this clinic's. A page that repeats it does not show MARK."""
        job, image = self.numbers["job_id"][0], self.numbers["image_id"][0]
        return {
            "jobs": [str(job)],
            "job": [str(job)],
            "images": [str(image)],
            "image": [str(image)],
            "cursor": [self.cursor],
            "search": [MARK[:-1], PATIENT],
            "idempotency_key": [KEY],
            "review": ["read"],
        }

    @property
    def form(self) -> dict[str, object]:
        return {
            **{name: numbers[0] for name, numbers in self.numbers.items()},
            **{"roles": "reader", "scopes": "read", "profile": "clinical"},
        }


@dataclass(frozen=True)
class Asker:
    """Somebody who is signed in, or a program with a token (`secret`)."""

    name: str
    principal: tuple[PrincipalKind, int]
    scopes: frozenset[Scope]
    secret: str | None = None


class Clinics:
    """One clinic whose people and programs ask, and another one that they ask for."""

    def __init__(self, store: Store, app: APIFlask) -> None:
        self.store, self.app = store, app
        self.asked = 0
        self.document = app.test_client().get("/api/v1/openapi.json").json
        # Asked far more often than anybody may.
        next(iter(app.extensions["limiter"])).enabled = False
        self.fill("own", {"jobs": 1, "images": 1})
        self.fill(MARK, FIRST_NUMBERS)
        self.own, self.foreign = self.owned("own"), self.owned(MARK)
        self.askers = [
            self.program("own"),
            *(self.person("own", role) for role in (Role.ADMIN, Role.UPLOADER)),
            self.person(None, Role.OPERATOR),
        ]

    def fill(self, mark: str, first_numbers: dict[str, int]) -> None:
        """A clinic with films of every state, seen, reviewed and held."""
        store = self.store
        self.program(mark)
        clinic = store.clinic_named(mark).id
        with store.database.writing() as session:
            for name, first in first_numbers.items():
                session.execute(text("DELETE FROM sqlite_sequence WHERE name = :n"), {"n": name})
                session.execute(
                    text("INSERT INTO sqlite_sequence VALUES (:n, :seq)"),
                    {"n": name, "seq": first - 1},
                )
        files = [
            NewImage(f"{mark}-{n}.png", f"{mark}/{n}", 9, original_name=f"{mark} original {n}")
            for n in range(3)
        ]
        job = store.create_job(clinic, f"{mark} job", files, idempotency_key=f"{mark}-key").id
        made = zip((done, rejected, failed), store.claim(3, lease_s=60), strict=True)
        store.save([replace(make(c), patient=PATIENT, accession=mark) for make, c in made])
        first = store.images(clinic, job).items[0].id
        boxes = (ReviewBox(0.1, 0.1, 0.5, 0.5, f"{mark} finding"),)
        said = NewReview(Verdict.AGREE, comment=f"{mark} comment", boxes=boxes)
        store.review(clinic, first, f"{mark} reader", said)
        store.hold_job(clinic, job)
        store.invite(mark, [Role.READER])
        for number in range(3):
            self.draw(f"{mark}/{number}")

    def owned(self, mark: str) -> Owned:
        """What such a clinic has, with a job more that waits, people and tokens."""
        store, clinic = self.store, self.store.clinic_named(mark).id
        store.create_job(clinic, f"{mark} waiting", [NewImage(f"{mark}-3.png", f"{mark}/3", 9)])
        program, admin = self.program(mark), self.person(mark, Role.ADMIN)
        upload = self.begin_upload(program)
        store.open_session(*admin.principal, mark, f"{mark} browser")
        return Owned(
            {
                "job_id": [job.id for job in store.jobs(clinic).items],
                "image_id": [image.id for image in store.images(clinic, None).items],
                "person_id": [admin.principal[1]],
                "token_id": [program.principal[1]],
                "upload_id": [upload],
                "session_id": [store.sessions_of(*admin.principal)[0].id],
            },
            cursor=store.images(clinic, None, limit=1).next_cursor,
        )

    def begin_upload(self, program: Asker) -> str:
        """A file that arrives in pieces, in a job that is open. Returns: its name."""
        browser = self.app.test_client()
        headers = TUS | {"Authorization": f"Bearer {program.secret}"}
        job = browser.post("/api/v1/jobs", json={"open": True}, headers=headers).json["id"]
        begun = browser.post(f"/api/v1/jobs/{job}/uploads", headers=headers)
        return begun.headers["Location"].rpartition("/")[2]

    def draw(self, file_key: str) -> None:
        pictures = self.app.extensions["cxr"].pictures
        for file, kind in (
            (pictures.small(file_key), "JPEG"),
            (pictures.large(file_key, FILM), "PNG"),
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encoded(Image.new("L", (32, 32)), kind))

    def program(self, clinic: str) -> Asker:
        token, secret = self.store.create_token(clinic, EVERYTHING, f"{clinic} program")
        return Asker("program", (PrincipalKind.TOKEN, token.id), EVERYTHING, secret)

    def person(self, clinic: str | None, role: Role) -> Asker:
        link = self.store.link(self.store.invite(clinic, [role]))
        name = f"{clinic} {role} {self.asked} {link.id}"
        person = self.store.accept_invitation(link.id, name, "no password").id
        return Asker(role, (PrincipalKind.PERSON, person), SCOPES_OF_ROLE[role])

    def ask(self, asker: Asker, route: Route, address: str, **more) -> TestResponse:
        """As this somebody: with the token on the API, with a new session in a browser."""
        self.asked += 1
        browser = self.app.test_client()
        headers = ORIGIN | (PIECE if "/uploads" in route.rule else {}) | more.pop("headers", {})
        if asker.secret and not route.is_page:
            headers["Authorization"] = f"Bearer {asker.secret}"
        else:
            browser.set_cookie("cxr_session", self.store.open_session(*asker.principal, "", ""))
        return browser.open(address, method=route.method, headers=headers, **more)

    def content(self, route: Route) -> dict:
        """What a route wants besides its address; with all the foreign numbers, where it can."""
        if route.method in ("GET", "DELETE"):
            return {}
        if route.is_page:
            return {"data": self.foreign.form}
        if "/uploads" in route.rule:
            return {"data": b"a"}
        if "ImagesBody" in str(self.operation(route).get("requestBody")):
            return {"json": {"images": self.foreign.numbers["image_id"]}}
        upload = {"images": [{"filename": "a.png", "data": "YQ=="}]}
        return {"json": (JSON | TOKEN_BODY).get(route.rule, upload)}

    def operation(self, route: Route) -> dict:
        """What the OpenAPI document says of a route; nothing for a page."""
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule)
        return self.document["paths"].get(path, {}).get(route.method.lower(), {})

    def queries(self, route: Route) -> list[dict[str, str]]:
        """One by one, what asks a list for what is not one's own."""
        if route.method != "GET":
            return []
        return [
            {name: value}
            for name, values in self.foreign.queries.items()
            if route.is_page or name in self.parameters(route)
            for value in values
        ]

    def parameters(self, route: Route) -> set[str]:
        """Of an address of the API, as it is documented. All but HARMLESS ones must be known."""
        listed = self.operation(route).get("parameters", [])
        found = {one["name"] for one in listed if one["in"] == "query"}
        unknown = found - HARMLESS - set(self.foreign.queries)
        assert not unknown, f"{route.rule}: {unknown} is not known here. Add it to `Owned.queries`."
        return found

    def rows(self, mark: str) -> dict[str, list[tuple]]:
        """All that the database holds of a clinic, but for the audit trail."""
        clinic = self.store.clinic_named(mark).id
        numbers = self.foreign.numbers
        mine = {"clinic_id": [clinic]} | {f"{k}": numbers[k] for k in ("person_id", "token_id")}
        kept = {}
        with self.store.database.reading() as session:
            tables = inspected(session.connection())
            for name in sorted(set(tables.get_table_names()) - {"audit", "alembic_version"}):
                columns = [found["name"] for found in tables.get_columns(name)]
                whose = [column(c).in_(values) for c, values in mine.items() if c in columns]
                if whose:
                    query = select(*map(column, columns)).select_from(table(name))
                    kept[name] = sorted(map(repr, session.execute(query.where(or_(*whose)))))
        return kept


def words(answer: TestResponse) -> str:
    """Whatever can be read in an answer."""
    if answer.mimetype == "application/pdf":
        pages = pypdf.PdfReader(io.BytesIO(answer.data)).pages
        return "\n".join(page.extract_text() for page in pages)
    return f"{answer.headers}\n{answer.get_data().decode(errors='replace')}"


def leaks(clinics: Clinics, query: dict[str, str], answer: TestResponse) -> Iterator[str]:
    """Whatever of the other clinic is in an answer, but what its own question held."""
    said = words(answer)
    if KEY in query.values():
        said = said.replace(KEY, "")
    if MARK in said:
        yield said[max(0, said.index(MARK) - 60) :][:120]
    if answer.status_code == 404:
        return  # "Job 7731000 does not exist" repeats what was asked
    numbers = clinics.foreign.numbers
    for number in numbers["job_id"] + numbers["image_id"]:
        if str(number) not in query.values() and re.search(rf"\b{number}\b", said):
            yield f"number {number}"


@pytest.fixture
def clinics(store, app) -> Clinics:
    return Clinics(store, app)


@pytest.fixture
def etags(clinics) -> list[str]:
    """Of all that the other clinic's program sees. It must see something everywhere."""
    owner = clinics.program(MARK)
    seen, blind = [], []
    for route in routes(clinics.app):
        if route.method != "GET" or not route.numbered:
            continue
        answers = [clinics.ask(owner, route, at) for at in clinics.foreign.addresses(route.rule)]
        if not any(answer.status_code == 200 for answer in answers):
            blind.append(route.rule)
        seen += [answer.headers["ETag"] for answer in answers if "ETag" in answer.headers]
    assert blind == []
    return seen


def test_a_foreign_clinic_s_numbers_are_unknown(clinics, etags):
    """404 for everything, also for whoever knows the tag of what they ask for; and nothing of it
    is changed."""
    before = clinics.rows(MARK)
    wrong, asked = [], clinics.asked
    for route in routes(clinics.app):
        if not route.numbered:
            continue
        needed = scopes_of_route(clinics.app, route.endpoint)
        for asker in clinics.askers:
            for address in clinics.foreign.addresses(route.rule):
                headers = {"If-None-Match": ", ".join([*etags, "*"])}
                more = clinics.content(route)
                answer = clinics.ask(asker, route, address, headers=headers, **more)
                expected = 404 if asker.scopes & needed else 403
                if answer.status_code != expected or MARK in words(answer):
                    said = f"{route.method} {address} as {asker.name}"
                    wrong.append(f"{said}: {answer.status_code}, not {expected}")
    assert wrong == []
    assert clinics.rows(MARK) == before
    print(f"{clinics.asked - asked} requests for what belongs to another clinic")
    assert clinics.asked - asked > 300


def test_lists_exports_and_reports_hold_nothing_of_a_foreign_clinic(clinics):
    """Whatever is asked for in addresses, forms and bodies, of everything that is one's own."""
    before = clinics.rows(MARK)
    wrong, asked = [], clinics.asked
    # What deletes comes last.
    for route in sorted(routes(clinics.app), key=lambda route: route.method == "DELETE"):
        if route.endpoint in ("audit.entries", "sign_in.sign_out"):
            continue
        for asker in clinics.askers:
            needed = scopes_of_route(clinics.app, route.endpoint)
            if not asker.scopes & needed or needed == {Scope.OPERATE}:
                continue  # operators see every clinic's name and numbers
            if route.is_page == (asker.name == "program"):
                continue  # programs use the API, people its pages
            for address in clinics.own.addresses(route.rule):
                for query in ({}, *clinics.queries(route)):
                    more = clinics.content(route) | {"headers": {"Idempotency-Key": KEY}}
                    answer = clinics.ask(asker, route, address, query_string=query, **more)
                    found = [*leaks(clinics, query, answer)]
                    if found or answer.status_code >= 500:
                        said = f"{route.method} {address} {query} as {asker.name}"
                        wrong.append(f"{said}: {answer.status_code} {found}")
    assert wrong == []
    assert clinics.rows(MARK) == before
    print(f"{clinics.asked - asked} requests for what is one's own")
    assert clinics.asked - asked > 300


def test_the_audit_trail_shows_nothing_of_a_foreign_clinic(clinics, etags):
    (route,) = [route for route in routes(clinics.app) if route.rule == "/audit"]
    job = clinics.foreign.numbers["job_id"][-1]
    theirs = clinics.ask(clinics.person(MARK, Role.ADMIN), route, f"/audit?job_id={job}")
    assert f"{MARK} program" in theirs.text
    for address in ("/audit", f"/audit?job_id={job}", "/audit?before=9999"):
        ours = clinics.ask(clinics.person("own", Role.ADMIN), route, address)
        assert ours.status_code == 200
        assert MARK not in ours.text
