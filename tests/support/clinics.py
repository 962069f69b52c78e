"""Two clinics on one server, with everything that a clinic can have."""

import re
from dataclasses import dataclass, replace
from itertools import product

from apiflask import APIFlask
from PIL import Image
from sqlalchemy import column, or_, select, table
from sqlalchemy import inspect as inspected

from tests.support.permissions import NAMES, TUS
from tests.support.pictures import encoded
from tests.support.results import done, failed, rejected
from tests.support.rows import create_job
from worker.access import SCOPES_OF_ROLE, Principal, PrincipalKind, Role, Scope
from worker.pictures.files import FILM
from worker.records.jobs import NewImage
from worker.records.reviews import NewReview, ReviewBox, Verdict
from worker.store import Store

MARK = "zebra7731"  # in every text of the other clinic
KEY = f"{MARK}-key"
PATIENT = "P-1"  # the same in both clinics
EVERYTHING = frozenset(Scope) - {Scope.OPERATE}


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
        self.fill("own")
        self.fill(MARK)
        self.own, self.foreign = self.owned("own"), self.owned(MARK)
        self.askers = [
            self.program("own"),
            *(self.person("own", role) for role in (Role.ADMIN, Role.UPLOADER)),
            self.person(None, Role.OPERATOR),
        ]

    def fill(self, mark: str) -> None:
        """A clinic with films of every state, seen, reviewed and held."""
        store = self.store
        self.program(mark)
        clinic = store.clinic_named(mark).id
        files = [
            NewImage(f"{mark}-{n}.png", f"{mark}/{n}", 9, original_name=f"{mark} original {n}")
            for n in range(3)
        ]
        job = create_job(store, clinic, f"{mark} job", files, idempotency_key=f"{mark}-key").id
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
        create_job(store, clinic, f"{mark} waiting", [NewImage(f"{mark}-3.png", f"{mark}/3", 9)])
        program, admin = self.program(mark), self.person(mark, Role.ADMIN)
        upload = self.begin_upload(program)
        store.open_session(*admin.principal, mark, f"{mark} browser")
        owner = Principal(*admin.principal, "", store.clinic_named(mark), frozenset())
        store.save_view(owner, f"{mark} view", f"search={mark}")
        return Owned(
            {
                "job_id": [job.id for job in store.jobs(clinic).items],
                "image_id": [image.id for image in store.images(clinic, None).items],
                "person_id": [admin.principal[1]],
                "token_id": [program.principal[1]],
                "upload_id": [upload],
                "view_id": [store.saved_views(owner)[0].id],
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
        name = f"{clinic} {role} {link.id}"
        person = self.store.accept_invitation(link.id, name, "no password").id
        return Asker(role, (PrincipalKind.PERSON, person), SCOPES_OF_ROLE[role])

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
