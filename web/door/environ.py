"""Translate an ASGI request into a WSGI environment (PEP 3333)."""

import sys
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

_OWN_VARIABLE = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def environ_of(scope: dict[str, Any], body: BinaryIO) -> dict[str, Any]:
    """What the application gets to see of the request; `body` ends where the request does."""
    host, port = scope.get("server") or ("localhost", None)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = scope["client"][0], scope["client"][1]
    for name, value in scope["headers"]:
        if b"_" in name:
            continue  # it would pass for the header with a hyphen
        variable = _OWN_VARIABLE.get(name)
        if variable is None:
            variable = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if variable in environ:
            separator = "; " if variable == "HTTP_COOKIE" else ","
            text = f"{environ[variable]}{separator}{text}"
        environ[variable] = text
    return environ
