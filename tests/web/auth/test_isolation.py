"""Two clinics on one server: whoever belongs to one learns and changes nothing of the other.

Every route of the URL map is asked with the other clinic's numbers in its address, and with all
that an address, a form or a body can name. A route or a parameter that is not known fails.
"""

import pytest

from tests.support.asking import Requests, leaks, words
from tests.support.clinics import KEY, MARK, Clinics
from tests.support.permissions import routes
from web.auth.permissions import scopes_of_route
from worker.access import Role, Scope

pytestmark = pytest.mark.slow  # a thousand requests and more


@pytest.fixture
def clinics(store, app) -> Clinics:
    return Clinics(store, app)


@pytest.fixture
def requests(clinics) -> Requests:
    return Requests(clinics)


@pytest.fixture
def etags(clinics, requests) -> list[str]:
    """Of all that the other clinic's program sees. It must see something everywhere."""
    owner = clinics.program(MARK)
    seen, blind = [], []
    for route in routes(clinics.app):
        if route.method != "GET" or not route.numbered:
            continue
        answers = [requests.ask(owner, route, at) for at in clinics.foreign.addresses(route.rule)]
        if not any(answer.status_code == 200 for answer in answers):
            blind.append(route.rule)
        seen += [answer.headers["ETag"] for answer in answers if "ETag" in answer.headers]
    assert blind == []
    return seen


def test_a_foreign_clinic_s_numbers_are_unknown(clinics, requests, etags):
    """404 for everything, also for whoever knows the tag of what they ask for; and nothing of it
    is changed."""
    before = clinics.rows(MARK)
    wrong, asked = [], requests.asked
    for route in routes(clinics.app):
        if not route.numbered:
            continue
        needed = scopes_of_route(clinics.app, route.endpoint)
        for asker in clinics.askers:
            for address in clinics.foreign.addresses(route.rule):
                headers = {"If-None-Match": ", ".join([*etags, "*"])}
                more = requests.content(route)
                answer = requests.ask(asker, route, address, headers=headers, **more)
                expected = 404 if asker.scopes & needed else 403
                if answer.status_code != expected or MARK in words(answer):
                    said = f"{route.method} {address} as {asker.name}"
                    wrong.append(f"{said}: {answer.status_code}, not {expected}")
    assert wrong == []
    assert clinics.rows(MARK) == before
    print(f"{requests.asked - asked} requests for what belongs to another clinic")
    assert requests.asked - asked > 300


def test_lists_exports_and_reports_hold_nothing_of_a_foreign_clinic(clinics, requests):
    """Whatever is asked for in addresses, forms and bodies, of everything that is one's own."""
    before = clinics.rows(MARK)
    wrong, asked = [], requests.asked
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
                for query in ({}, *requests.queries(route)):
                    more = requests.content(route) | {"headers": {"Idempotency-Key": KEY}}
                    answer = requests.ask(asker, route, address, query_string=query, **more)
                    found = [*leaks(clinics.foreign, query, answer)]
                    if found or answer.status_code >= 500:
                        said = f"{route.method} {address} {query} as {asker.name}"
                        wrong.append(f"{said}: {answer.status_code} {found}")
    assert wrong == []
    assert clinics.rows(MARK) == before
    print(f"{requests.asked - asked} requests for what is one's own")
    assert requests.asked - asked > 300


def test_the_audit_trail_shows_nothing_of_a_foreign_clinic(clinics, requests, etags):
    (route,) = [route for route in routes(clinics.app) if route.rule == "/audit"]
    job = clinics.foreign.numbers["job_id"][-1]
    theirs = requests.ask(clinics.person(MARK, Role.ADMIN), route, f"/audit?job_id={job}")
    assert f"{MARK} program" in theirs.text
    for address in ("/audit", f"/audit?job_id={job}", "/audit?before=9999"):
        ours = requests.ask(clinics.person("own", Role.ADMIN), route, address)
        assert ours.status_code == 200
        assert MARK not in ours.text
