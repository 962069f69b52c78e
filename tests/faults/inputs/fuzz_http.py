"""Any address of a real web server, page or API, with broken requests over HTTP.

    python -m tests.faults.inputs.fuzz_http --requests 50000 [--seed 7]

Unlike `fuzz_api`, it knows no schema and needs a millisecond a request: methods, addresses, headers
and bodies are thrown together. Whatever comes, the server must answer, and not with a 5xx (but for
a 503 that says when to ask again). Exit code 1 when it does not.
"""

import contextlib
import http.client
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

import click

from tests.faults.inputs.fuzz_api import Api
from tests.faults.inputs.fuzz_requests import BOUNDARY, CONTENT_TYPES, FILES, multipart
from tests.faults.inputs.hostile_names import NAMES
from tests.support.permissions import Route, routes
from web.app import create_app

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X")
WORDS = (
    *("", "0", "1", "2", "-1", "1.5", "1e999", "NaN", "null", "true", "all", "agree", "NORMAL"),
    *("9" * 19, "9" * 400, "%", "%00", "\0", "'", '"', "\\", "../..", "//", "a,b,,c", "attention"),
    *("attention.png", "{}", "[]", "\u202e", "\ud7ff", "x" * 5000, "suspicion", "probability:x"),
    *NAMES,
)
FIELDS = (
    *("name", "images", "label", "verdict", "boxes", "scopes", "readers", "blind", "expires_days"),
    *("cursor", "limit", "offset", "sort", "status", "search", "jobs", "job", "probability_of"),
    *("min_probability", "max_side", "opacity", "idempotency_key", "review", "uncertain", "next"),
    *("token", "password", "code", "profile", "keep_files", "job_id", "roles", "link", "action"),
    *("until", "since", "before", "clinic", "new", "sealed", "ticket", "required", "query"),
)
HEADERS = (
    *("Accept", "Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range", "Origin"),
    *("Idempotency-Key", "X-Forwarded-For", "X-Forwarded-Proto", "Cookie", "Referer", "Expect"),
    *("Authorization", "Sec-Fetch-Site", "Content-Encoding", "Content-Language", "User-Agent"),
)
RESTORE_AFTER = 500  # requests; then everything is there again
NOT_READY = ("/readyz",)  # rightly 503: there are no workers
KEPT_FINDINGS = 50


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None


def made_up(chance: random.Random, api: Api, known: list[Route]) -> Iterator[Request]:
    while True:
        headers = dict(chance.choice(api.asking).headers)
        for _ in range(chance.choice((0, 0, 1, 3))):
            word = chance.choice(WORDS).encode("latin-1", "replace")[:300]
            clean = bytes(byte for byte in word if 32 <= byte < 127).decode()
            headers[chance.choice(HEADERS)] = clean
        body, kind = _body(chance)
        if kind is not None:
            headers["Content-Type"] = kind
        route = chance.choice(known)
        method = route.method if chance.random() < 0.85 else chance.choice(METHODS)
        yield Request(method, _target(chance, route.rule), headers, body)


def _target(chance: random.Random, rule: str) -> str:
    while "<" in rule:
        start, end = rule.index("<"), rule.index(">")
        known = "attention" if "name" in rule[start:end] else "1"
        value = (
            known
            if chance.random() < 0.6
            else quote(chance.choice(WORDS), safe="", errors="surrogatepass")
        )
        rule = rule[:start] + value + rule[end + 1 :]
    if chance.random() < 0.1:
        rule += chance.choice(("/", "//", "/..", ";a", "%2f", "%00", ".json"))
    pairs = [(chance.choice(FIELDS), chance.choice(WORDS)) for _ in range(chance.choice((0, 1, 4)))]
    return rule + (f"?{_form(pairs)}" if pairs else "")


def _form(pairs: list[tuple[str, str]]) -> str:
    return urlencode(pairs, errors="surrogatepass")


def _body(chance: random.Random) -> tuple[bytes | None, str | None]:
    """A body and its kind; any kind now and then."""
    form = [(chance.choice(FIELDS), chance.choice(WORDS)) for _ in range(3)]
    parts = [(name, chance.choice((None, "a.png", "a.zip")), chance.choice(FILES)[:20_000])
             for name, _ in form]  # fmt: skip
    body, kind = chance.choice(
        (
            (None, None),
            (json.dumps(_json(chance, 4)).encode(), "application/json"),
            (_form(form).encode(), "application/x-www-form-urlencoded"),
            (multipart([("files", *parts[0][1:]), *parts]), CONTENT_TYPES[0]),
            (chance.randbytes(chance.choice((0, 1, 300))), "application/json"),
            (f"--{BOUNDARY}\r\n".encode() + chance.randbytes(40), CONTENT_TYPES[0]),
        )
    )
    return body, chance.choice(CONTENT_TYPES) if body and chance.random() < 0.1 else kind


def _json(chance: random.Random, depth: int) -> object:
    if depth == 0 or chance.random() < 0.3:
        return chance.choice((*WORDS, None, True, -1, 0, 1, 2, 10**30, 1e308, 0.5))
    inner = [_json(chance, depth - 1) for _ in range(chance.choice((0, 1, 3)))]
    return inner if chance.random() < 0.3 else {chance.choice(FIELDS): one for one in inner}


class Connection:
    """Sends requests one after the other, over a new connection when the server has closed one."""

    def __init__(self, address: str) -> None:
        self._http = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)

    def send(self, request: Request) -> tuple[int, str]:
        """Returns: status, and Retry-After. Raises OSError, HTTPException without an answer."""
        for last in (False, True):
            try:
                self._http.request(request.method, request.target, request.body, request.headers)
                answer = self._http.getresponse()
                answer.read()
                return answer.status, answer.headers.get("Retry-After", "")
            except (OSError, http.client.HTTPException):
                self._http.close()
                if last:
                    raise
        raise AssertionError("unreachable")


def fuzz(api: Api, wanted: int, seed: int) -> tuple[Counter, dict[str, str]]:
    """Returns: how many answers of each status; the first request of each kind that failed."""
    app = create_app(api.settings)
    with contextlib.closing(app.extensions["cxr"].painter):
        known = [route for route in routes(app) if route.rule not in NOT_READY]
    statuses: Counter = Counter()
    findings: dict[str, str] = {}
    connection = Connection(api.address)
    requests = made_up(random.Random(seed), api, known)
    for number in range(wanted):
        if number % RESTORE_AFTER == 0:
            api.restore()
            click.echo(f"{number:,} requests, {len(findings)} findings", err=True)
        request = next(requests)
        try:
            status, retry_after = connection.send(request)
        except (OSError, http.client.HTTPException) as error:
            status, retry_after = 0, f"no answer: {error!r}"
        statuses[status] += 1
        if status == 0 or (status >= 500 and not (status == 503 and retry_after)):
            key = f"{status} {request.method} {request.target.partition('?')[0][:80]}"
            if len(findings) < KEPT_FINDINGS:
                findings.setdefault(key, f"{retry_after} {request!r}"[:3000])
    return statuses, findings


@click.command()
@click.option("--requests", "wanted", default=50_000, show_default=True, help="How many.")
@click.option("--seed", default=0, show_default=True, help="Other seeds make other requests.")
def main(wanted: int, seed: int) -> None:
    """Throw broken requests at every address of a web server."""
    with Api() as api:
        statuses, findings = fuzz(api, wanted, seed)
    for key, details in findings.items():
        click.echo(f"{key}\n{details}\n")
    said = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
    click.echo(f"{statuses.total():,} requests ({said}), {len(findings)} findings")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
