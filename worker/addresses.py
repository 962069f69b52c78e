"""Addresses of the database and the queue, as their clients need them."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from worker.errors import SettingsError


def database_address(url: str, password: str) -> str:
    """`url` with its driver and the password."""
    scheme, _, address = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        # Hosting services write the address without a driver; ours is psycopg 3.
        url = f"postgresql+psycopg://{address}"
    return _with_password(url, password)


def queue_address(url: str, password: str) -> str:
    """`url` with the password, and with the check of certificates where it uses TLS. Raises
    SettingsError."""
    return _with_password(_checked(url) if url.startswith("rediss://") else url, password)


def _with_password(url: str, password: str) -> str:
    """`url` with the password, unless it has one or there is none to give."""
    parts = urlsplit(url)
    if not password or parts.password is not None or not parts.netloc:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()


def _checked(url: str) -> str:
    """`url` of a queue that speaks TLS, with the option that makes every client check whom it
    speaks to: without any, Celery's would not even use TLS. Raises SettingsError for `none`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if options.setdefault("ssl_cert_reqs", "required") not in ("required", "CERT_REQUIRED"):
        raise SettingsError(
            "REDIS_URL begins with rediss:// and must not say ssl_cert_reqs=none or optional: then "
            "anybody could take the queue's place. Name your authority's certificate in "
            "ssl_ca_certs instead."
        )
    # The name that all of its clients know.
    options["ssl_cert_reqs"] = "required"
    return parts._replace(query=urlencode(options, safe="/")).geturl()
