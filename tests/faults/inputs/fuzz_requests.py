"""Hypothesis strategies: requests to the upload endpoint, broken in many ways."""

import base64
import json
from dataclasses import asdict, dataclass

from hypothesis import strategies as st

from tests.faults.inputs.fuzz_seeds import zip_seeds
from tests.faults.inputs.hostile_names import NAMES
from tests.faults.inputs.mutations import mutated
from tests.support.formats import GREY
from tests.support.pictures import encoded

BOUNDARY = "a-boundary"


@dataclass(frozen=True)
class Upload:
    """One POST to /api/v1/jobs."""

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()

    def dump(self) -> bytes:
        return json.dumps(asdict(self) | {"body": base64.b64encode(self.body).decode()}).encode()

    @classmethod
    def load(cls, text: bytes) -> "Upload":
        values = json.loads(text)
        headers = tuple((name, value) for name, value in values["headers"])
        return cls(base64.b64decode(values["body"]), values["content_type"], headers)


PICTURE = encoded(GREY)
ZIPS = zip_seeds()
FILES = (PICTURE, b"", b"text", ZIPS[0], bytes(1_200_000))
PART_NAMES = st.sampled_from(("files", "files", "files", "name", "urgent", "file", "", "x"))
FILENAMES = st.none() | st.sampled_from(NAMES) | st.text(max_size=30)
CONTENT_TYPES = (
    f"multipart/form-data; boundary={BOUNDARY}",
    f'multipart/form-data; boundary="{BOUNDARY}"; charset=utf-16',
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary*=UTF-8''%E2%82%AC",
    f"multipart/mixed; boundary={BOUNDARY}",
    "application/json",
    "application/json; charset=utf-7",
    "application/problem+json",
    "application/x-www-form-urlencoded",
    "text/plain",
    "",
)
HEADER_NAMES = st.sampled_from(
    (
        *("Accept", "Accept-Encoding", "Authorization", "Content-Encoding", "Content-Length"),
        *("Cookie", "Expect", "Host", "If-None-Match", "Origin", "Range", "Sec-Fetch-Site"),
        *("Transfer-Encoding", "X-Forwarded-For"),
    )
)
LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
HEADERS = st.lists(st.tuples(HEADER_NAMES, LATIN), max_size=3).map(tuple)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(("name", "urgent", "images", "filename", "data")), inner)
    ),
    max_leaves=12,
)


def multipart(parts) -> bytes:
    """parts: (name, filename or None, content); names go out as they are, however broken."""
    body = b""
    for name, filename, content in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        head += "" if filename is None else f'; filename="{filename}"'
        body += f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode(errors="surrogatepass") + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


@st.composite
def uploads(draw) -> Upload:
    kind = draw(st.sampled_from(("parts", "broken parts", "zip", "JSON", "job", "deep", "bytes")))
    headers = draw(HEADERS) if draw(st.integers(0, 3)) == 0 else ()
    body, content_type = BODIES[kind](draw)
    return Upload(body, content_type, headers)


def _parts(draw) -> tuple[bytes, str]:
    part = st.tuples(PART_NAMES, FILENAMES, st.sampled_from(FILES) | st.binary(max_size=50))
    return multipart(draw(st.lists(part, max_size=5))), CONTENT_TYPES[0]


def _broken_parts(draw) -> tuple[bytes, str]:
    body, _ = _parts(draw)
    return draw(mutated([body])), draw(st.sampled_from(CONTENT_TYPES))


def _zip(draw) -> tuple[bytes, str]:
    content = draw(mutated(ZIPS))
    return multipart([("files", "a.zip", content), ("files", "b.png", PICTURE)]), CONTENT_TYPES[0]


def _json(draw) -> tuple[bytes, str]:
    return json.dumps(draw(JSON)).encode(), "application/json"


def _job(draw) -> tuple[bytes, str]:
    """The right shape, with any text in it."""
    names = st.sampled_from(NAMES) | st.text(max_size=30)
    data = st.sampled_from(FILES).map(lambda content: base64.b64encode(content).decode())
    image = st.fixed_dictionaries({"filename": names, "data": data | st.text(max_size=9)})
    job = {"name": names, "images": st.lists(image, max_size=4)}
    body = json.dumps(draw(st.fixed_dictionaries(job))).encode()
    return (draw(mutated([body])) if draw(st.booleans()) else body), "application/json"


def _deep(draw) -> tuple[bytes, str]:
    start = draw(st.sampled_from((b"[", b'{"a":', b'{"images":[', b'{"name":[')))
    return start * draw(st.sampled_from((10, 500, 5_000, 100_000))), "application/json"


def _bytes(draw) -> tuple[bytes, str]:
    return draw(st.binary(max_size=300)), draw(st.sampled_from(CONTENT_TYPES) | LATIN)


BODIES = {
    "parts": _parts,
    "broken parts": _broken_parts,
    "zip": _zip,
    "JSON": _json,
    "job": _job,
    "deep": _deep,
    "bytes": _bytes,
}
