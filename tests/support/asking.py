"""Requests of people and programs of one clinic for what belongs to another, and what leaks."""

import io
import re
from collections.abc import Iterator

import pypdf
from werkzeug.test import TestResponse

from tests.support.clinics import KEY, MARK, Asker, Clinics, Owned
from tests.support.permissions import JSON, ORIGIN, TUS, Route

TOKEN_BODY = {"/api/v1/tokens": {"scopes": ["read"]}}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
# Parameters of the API that name nothing that belongs to anybody.
HARMLESS = {
    *("limit", "offset", "sort", "status", "label", "uncertain", "probability_of"),
    *("min_probability", "max_probability", "max_side", "opacity"),
    *("uploaded_since", "uploaded_until", "time_zone", "differs_from"),
}


class Requests:
    """Asks every route, with whatever its address, its form or its body can name."""

    def __init__(self, clinics: Clinics) -> None:
        self.clinics = clinics
        self.asked = 0
        self.document = clinics.app.test_client().get("/api/v1/openapi.json").json
        # Asked far more often than anybody may.
        next(iter(clinics.app.extensions["limiter"])).enabled = False

    def ask(self, asker: Asker, route: Route, address: str, **more) -> TestResponse:
        """As this somebody: with the token on the API, with a new session in a browser."""
        self.asked += 1
        browser = self.clinics.app.test_client()
        headers = ORIGIN | (PIECE if "/uploads" in route.rule else {}) | more.pop("headers", {})
        if asker.secret and not route.is_page:
            headers["Authorization"] = f"Bearer {asker.secret}"
        else:
            browser.set_cookie(
                "cxr_session", self.clinics.store.open_session(*asker.principal, "", "")
            )
        return browser.open(address, method=route.method, headers=headers, **more)

    def content(self, route: Route) -> dict:
        """What a route wants besides its address; with all the foreign numbers, where it can."""
        if route.method in ("GET", "DELETE"):
            return {}
        if route.is_page:
            return {"data": self.clinics.foreign.form}
        if "/uploads" in route.rule:
            return {"data": b"a"}
        if "ImagesBody" in str(self.operation(route).get("requestBody")):
            return {"json": {"images": self.clinics.foreign.numbers["image_id"]}}
        upload = {"images": [{"filename": "a.png", "data": "YQ=="}]}
        return {"json": (JSON | TOKEN_BODY).get(route.rule, upload)}

    def queries(self, route: Route) -> list[dict[str, str]]:
        """One by one, what asks a list for what is not one's own."""
        if route.method != "GET":
            return []
        return [
            {name: value}
            for name, values in self.clinics.foreign.queries.items()
            if route.is_page or name in self.parameters(route)
            for value in values
        ]

    def operation(self, route: Route) -> dict:
        """What the OpenAPI document says of a route; nothing for a page."""
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.rule)
        return self.document["paths"].get(path, {}).get(route.method.lower(), {})

    def parameters(self, route: Route) -> set[str]:
        """Of an address of the API, as it is documented. All but HARMLESS ones must be known."""
        listed = self.operation(route).get("parameters", [])
        found = {one["name"] for one in listed if one["in"] == "query"}
        unknown = found - HARMLESS - set(self.clinics.foreign.queries)
        assert not unknown, f"{route.rule}: {unknown} is not known here. Add it to `Owned.queries`."
        return found


def words(answer: TestResponse) -> str:
    """Whatever can be read in an answer."""
    if answer.mimetype == "application/pdf":
        pages = pypdf.PdfReader(io.BytesIO(answer.data)).pages
        return "\n".join(page.extract_text() for page in pages)
    return f"{answer.headers}\n{answer.get_data().decode(errors='replace')}"


def leaks(foreign: Owned, query: dict[str, str], answer: TestResponse) -> Iterator[str]:
    """Whatever of the other clinic is in an answer, but what its own question held."""
    said = words(answer)
    if KEY in query.values():
        said = said.replace(KEY, "")
    if MARK in said:
        yield said[max(0, said.index(MARK) - 60) :][:120]
    if answer.status_code == 404:
        return  # "Job 7731000 does not exist" repeats what was asked
    numbers = {str(one) for found in foreign.numbers.values() for one in found}
    for number in numbers.intersection(re.findall(r"\w+", said)).difference(query.values()):
        yield f"number {number}"
