"""Every operation of the OpenAPI document as every kind of principal, with made-up requests.

    python -m tests.faults.inputs.fuzz_api --requests 50000 [--seed 7] [--minutes 5]

A long run can be divided: runs of different seeds make different requests, and a run that its
minutes end has asked its operations and principals in an order of its own.

Schemathesis makes requests that the document allows, and others that it does not; a real server
answers over HTTP. What is answered must be documented: no 5xx, no status, header or field that the
document does not know, nothing refused that it allows, nothing accepted that it does not. Exit code
1 when there was something.
"""

import functools
import logging
import math
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import ignored_auth

from tests.support.formats import GREY
from tests.support.pictures import encoded
from tests.support.results import done, failed, rejected, work
from tests.support.site import Site
from worker.access import PrincipalKind, Role, Scope
from worker.records.jobs import NewImage
from worker.settings import Settings

# Who gets in is walked elsewhere (tests/web/auth), without wrong tokens, which would be throttled.
WITHOUT = [ignored_auth]
# Codes of rules that no schema can say: between fields, about all files of an upload, about what
# the clinic has; and tus's own, whose headers are not described. A model's own check has words.
RULES = (
    *("no_files", "idempotency_key_reused", "unknown_label", "invalid_cursor", "sort_too_wide"),
    *("unsupported_tus_version", "invalid_upload"),
)
CHECK_OF_A_MODEL = "Value error"


@dataclass(frozen=True)
class Asking:
    """A kind of principal, and what it sends to be known by."""

    kind: str
    headers: dict[str, str]


@dataclass
class Outcome:
    """How many answers of each status, and the first request of each kind that went wrong."""

    statuses: Counter = field(default_factory=Counter)
    findings: dict[str, str] = field(default_factory=dict)


class Api:
    """A running web server with an image of every state. Use as a context."""

    def __enter__(self) -> "Api":
        with ExitStack() as opened:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="cxr-fuzz-"))
            self._site = opened.enter_context(Site(Path(folder)))
            self._client = opened.enter_context(requests.Session())
            self.asking = [*self._people(), *self._programs()]
            self._numbers = self._fill()
            self._strategies: dict[str, list[SearchStrategy]] = {}
            self._filled = opened.enter_context(closing(sqlite3.connect(":memory:")))
            with closing(sqlite3.connect(self._database, timeout=30)) as database:
                database.backup(self._filled)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @functools.cached_property
    def operations(self) -> list[APIOperation]:
        """Of the document that the server gives out."""
        schema = schemathesis.openapi.from_url(f"{self.address}/api/v1/openapi.json")
        # Everybody is who they are, whatever is made up.
        schema.config.generation.with_security_parameters = False
        return [found.ok() for found in schema.get_all_operations()]

    @property
    def address(self) -> str:
        return self._site.address

    @property
    def settings(self) -> Settings:
        return self._site.settings

    def restore(self) -> None:
        """Whatever requests have changed or deleted is as it was."""
        with closing(sqlite3.connect(self._database, timeout=30)) as database:
            self._filled.backup(database)

    def ask(self, asking: Asking, operation: APIOperation, count: int, seed: int) -> Outcome:
        """Send up to `count` made-up requests; a single one is of another kind with each seed."""
        self.restore()
        outcome = Outcome()
        strategies = self._strategies.get(operation.label) or self._requests(operation)
        self._strategies[operation.label] = strategies  # making them takes longer than asking
        for number in range(min(count, len(strategies))):
            strategy = strategies[(seed + number) % len(strategies)]
            wanted = -(-count // len(strategies))
            self._ask(asking, strategy, wanted, seed * len(strategies) + number, outcome)
        return outcome

    def _requests(self, operation: APIOperation) -> list[SearchStrategy]:
        """Allowed requests and others; of made-up things, and of those that there are."""
        found = []
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            found.append(operation.as_strategy(mode))
            if "{" in operation.path:
                found.append(operation.as_strategy(mode, path_parameters=self._numbers))
        return found

    def _ask(
        self, asking: Asking, strategy: SearchStrategy, count: int, seed: int, outcome: Outcome
    ) -> None:
        def attempt(case: schemathesis.Case) -> None:
            answer = case.call(session=self._client, headers=asking.headers, timeout=120)
            outcome.statuses[answer.status_code] += 1
            try:
                case.validate_response(answer, excluded_checks=WITHOUT)
            except FailureGroup as group:
                for failure in group.exceptions:
                    if not _is_rule(failure, answer):
                        key = f"{case.operation.label} as {asking.kind}: {failure.title}"
                        outcome.findings.setdefault(key, f"{failure}\n{case.as_curl_command()}")

        run = hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(strategy)(attempt))
        with suppress(Unsatisfiable):  # nothing can be wrong with a request that has no parts
            hypothesis.seed(seed)(run)()

    def _fill(self) -> dict[str, object]:
        """A job with an image of every state. Returns: what addresses name."""
        site = self._site
        picture = site.home / "picture.png"
        picture.write_bytes(encoded(GREY))
        files = [NewImage(f"{n}.png", site.keep(picture), 100) for n in range(4)]
        job = site.job("a job", files)
        for result in (done, rejected, failed):
            work(site.store, 1, result)
        image = site.store.images(site.clinic.id, job.id).items[0]
        token = site.store.create_token(site.clinic.name, [Scope.READ])[0]
        return {"job_id": job.id, "image_id": image.id, "token_id": token.id, "name": "attention"}

    @property
    def _database(self) -> str:
        return self._site.store.database.url.database

    def _people(self) -> Iterator[Asking]:
        store = self._site.store
        for role in Role:
            clinic = None if role is Role.OPERATOR else self._site.clinic.name
            link = store.link(store.invite(clinic, [role]))
            person = store.accept_invitation(link.id, role, "no password").id
            secret = store.open_session(PrincipalKind.PERSON, person, "", "")
            said = {"Cookie": f"cxr_session={secret}", "Sec-Fetch-Site": "same-origin"}
            yield Asking(f"role {role}", said)

    def _programs(self) -> Iterator[Asking]:
        for scope in Scope:
            secret = self._site.store.create_token(self._site.clinic.name, [scope])[1]
            yield Asking(f"scope {scope}", {"Authorization": f"Bearer {secret}"})


def _is_rule(failure: Failure, answer: requests.Response) -> bool:
    """Whether it is about what no schema can say."""
    if failure.title != "Schema-valid request rejected":
        return False
    return CHECK_OF_A_MODEL in answer.text or answer.json().get("code") in RULES


@click.command()
@click.option("--requests", "wanted", default=50_000, show_default=True, help="How many, at least.")
@click.option("--seed", default=0, show_default=True, help="Other seeds make other requests.")
@click.option("--minutes", type=float, help="End after so long. Default: when all are sent.")
def main(wanted: int, seed: int, minutes: float | None) -> None:
    """Fuzz the REST API as every kind of principal."""
    logging.disable()
    ends = time.monotonic() + 60 * minutes if minutes else math.inf
    findings: dict[str, str] = {}
    total: Counter = Counter()
    with Api() as api:
        pairs = [(asking, operation) for asking in api.asking for operation in api.operations]
        random.Random(seed).shuffle(pairs)
        number = 0
        # Some operations have few different requests: the others are asked again.
        while total.total() < wanted and time.monotonic() < ends:
            left = -(-(wanted - total.total()) // len(pairs))
            for asking, operation in pairs:
                if time.monotonic() >= ends:
                    break
                outcome = api.ask(asking, operation, max(4, left), seed * 1_000_003 + number)
                total += outcome.statuses
                findings = outcome.findings | findings
                number += 1
            click.echo(f"{total.total():,} requests, {len(findings)} findings", err=True)
    for key, details in findings.items():
        click.echo(f"{key}\n{details}\n")
    statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(total.items()))
    click.echo(
        f"{total.total():,} requests of {len(api.operations)} operations as {len(api.asking)} "
        f"kinds of principal ({statuses}), {len(findings)} findings"
    )
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
