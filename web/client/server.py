"""One server, as the client asks it: its answers as JSON, and whatever else comes as an error."""

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx

from web.client.errors import NotOurServer, Refused, Unreachable

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0
# Between the tries, about a minute in all: a restart, or a cable that was pulled.
RETRY_PAUSES_S = (1, 2, 4, 8, 15, 30)
# Of a server without its database, or of a proxy before a server that restarts.
UNAVAILABLE = (502, 503, 504)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
# By these an answer is told from that of another program.
JOB_HAS, PAGE_HAS = frozenset(("id", "status", "counts")), frozenset(("items", "next_cursor"))

Json = dict[str, Any]
T = TypeVar("T")


class Server:
    """Raises web.client.errors.ClientError's kinds."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        with _connection_errors(self.url):
            address = httpx.URL(f"{self.url}/api/v1")
            if address.scheme not in ("http", "https"):
                raise httpx.UnsupportedProtocol(self.url)
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # A proxy of the network cannot know this machine's own server.
            trust_env=address.host not in LOOPBACK,
            verify=httpx.create_ssl_context(),  # which heeds SSL_CERT_FILE for this machine, too
        )

    def close(self) -> None:
        self._http.close()

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        with _connection_errors(self.url):
            answer = self._http.request(method, path, **more)
        self._refuse_errors(answer)
        return answer

    @contextlib.contextmanager
    def stream(self, path: str, **more: Any) -> Iterator[Iterator[bytes]]:
        """The body of an answer in chunks, as they come."""
        with _connection_errors(self.url), self._http.stream("GET", path, **more) as answer:
            if answer.is_error:
                answer.read()
            self._refuse_errors(answer)
            yield answer.iter_bytes()

    def _refuse_errors(self, answer: httpx.Response) -> None:
        if answer.has_redirect_location:
            raise NotOurServer(
                f"{self.url} sends us on to {answer.headers.get('Location')}. Use that server's "
                "address with --url."
            )
        if not answer.is_error:
            return
        try:
            problem = answer.json()
            refused = Refused(problem["detail"], answer.status_code, problem["code"])
        except (ValueError, KeyError, TypeError):
            refused = None
        if answer.status_code in UNAVAILABLE:
            raise Unreachable(str(refused or f"{self.url} is not available right now. Try again."))
        raise refused or self.not_ours(answer)

    def job(self, method: str, path: str, **more: Any) -> Json:
        return self.json(self.send(method, path, **more), JOB_HAS)

    def page(self, path: str, parameters: Json) -> Json:
        return self.json(self.send("GET", path, params=parameters), PAGE_HAS)

    def json(self, answer: httpx.Response, needed: frozenset[str]) -> Json:
        """Raises NotOurServer for anything but an object with those keys."""
        try:
            found = answer.json()
        except ValueError:
            raise self.not_ours(answer) from None
        if not (isinstance(found, dict) and needed <= found.keys()):
            raise self.not_ours(answer)
        return found

    def not_ours(self, answer: httpx.Response) -> NotOurServer:
        return NotOurServer(
            f"{self.url} does not answer as a cxr-batch server does (HTTP {answer.status_code}, "
            f"{answer.headers.get('Content-Type', 'no type')}). Check the address."
        )


def tried_again(call: Callable[[], T]) -> T:
    """What `call` returns, tried again with growing pauses while it raises Unreachable."""
    for pause_s in RETRY_PAUSES_S:
        try:
            return call()
        except Unreachable:
            time.sleep(pause_s)
    return call()


def _untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """What is wrong with a server's certificate, if that is why `error` was raised."""
    while error and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


@contextlib.contextmanager
def _connection_errors(url: str) -> Iterator[None]:
    """httpx's errors of the connection become Unreachable."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Unreachable(
            f"{url} is not a server address. Use one like http://127.0.0.1:8000."
        ) from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        if untrusted := _untrusted(error):
            raise Unreachable(
                f"The certificate of {url} is not trusted ({untrusted.verify_message}). If an "
                "authority of your own signed it, name the file with its certificate in "
                "SSL_CERT_FILE."
            ) from error
        raise Unreachable(
            f"Cannot reach a server at {url}. Start one with `cxr up`, or give its address "
            "with --url."
        ) from error
    except httpx.TransportError as error:
        raise Unreachable(
            f"The connection to {url} broke off ({type(error).__name__}). Try again."
        ) from error
