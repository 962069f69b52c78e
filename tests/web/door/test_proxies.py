"""Whose address a request comes from, when it says that it came through others."""

import json

import httpx
import pytest

from tests.support.door import serving
from web.door.limits import Limits


def told(environ, start_response):
    """The address and the scheme that the application is told."""
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]]).encode()]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        ([], "203.0.113.7", "127.0.0.1"),
        (["192.0.2.1"], "203.0.113.7", "127.0.0.1"),
        (["127.0.0.0/8"], "203.0.113.7", "203.0.113.7"),
        # What a client wrote itself stands to the left of what the proxy has added.
        (["127.0.0.1"], "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (["127.0.0.1", "10.0.0.0/8"], "203.0.113.7, 10.2.3.4", "203.0.113.7"),
    ],
)
def test_only_proxies_that_are_named_are_believed(proxies, forwarded, seen):
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": "https"}
    with serving(told, Limits(threads=2, max_uploads=1, max_connections=64), proxies) as (_, url):
        scheme = "http" if seen == "127.0.0.1" else "https"
        assert httpx.get(url, headers=headers).json() == [seen, scheme]
