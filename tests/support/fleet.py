"""Secrets and PostgreSQL of docker-compose.yml, by the file's own script, without containers."""

import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.support.compose import SECRETS, compose
from tests.support.databases import PostgresServer
from tests.support.waiting import wait_for

ROLES = ("owner", "web", "worker", "sweeper")
# In front of the rules of a server that trusts everyone: the fleet's roles need their passwords.
PASSWORDS = "".join(f"local all cxr_{role} scram-sha-256\n" for role in ROLES)


def make_secrets(folder: Path) -> None:
    """Files below `folder`, with characters that a shell or an address could stumble over."""
    (folder / "secrets").mkdir()
    for name in SECRETS:
        (folder / "secrets" / name).write_text(f"{secrets.token_hex(24)} %'\"/\n")


def make_roles(server: Any, folder: Path) -> str:
    """Database and roles as the image makes them, with the passwords below `folder`.

    server: of the wheel. Returns: the folder of its socket.
    """
    service = compose()["services"]["postgres"]
    server.psql(f"CREATE DATABASE {service['environment']['POSTGRES_DB']};")
    sockets = sockets_of(server)
    script = compose()["configs"]["roles"]["content"]
    made = subprocess.run(
        ["sh", "-c", script.replace("/run/secrets", str(folder / "secrets"))],
        env={"PATH": f"{server.bin_path}{os.pathsep}{os.defpath}", "PGHOST": sockets},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    kind, ready, *options = service["healthcheck"]["test"]
    assert (kind, ready) == ("CMD", "pg_isready")
    options = [option.replace("127.0.0.1", sockets) for option in options]
    subprocess.run([Path(server.bin_path, ready), *options], check=True, capture_output=True)
    return sockets


def drop_roles(server: PostgresServer) -> None:
    """What `make_roles` made."""
    server.run("DROP DATABASE cxr WITH (FORCE)")
    for part in ROLES:
        server.run(f"DROP ROLE cxr_{part}")


def require_passwords(server: Any) -> None:
    """The wheel's server trusts everyone; the image asks for the password, so this one does too."""
    rules = Path(server.pgdata, "pg_hba.conf")
    rules.write_text(PASSWORDS + rules.read_text())
    server.psql("SELECT pg_reload_conf();")
    for part in ROLES:
        wait_for(lambda part=part: _refuses(sockets_of(server), f"cxr_{part}", "cxr"))


def trust_everyone(server: Any) -> None:
    """Undo `require_passwords`: other tests' roles have no passwords."""
    rules = Path(server.pgdata, "pg_hba.conf")
    rules.write_text(rules.read_text().removeprefix(PASSWORDS))
    server.psql("SELECT pg_reload_conf();")


def sockets_of(server: Any) -> str:
    return str(httpx.URL(server.get_uri()).params["host"])


def _refuses(host: str, user: str, database: str) -> bool:
    """Whether a wrong password is refused: else the services' own would prove nothing."""
    try:
        psycopg.connect(host=host, user=user, dbname=database, password="wrong").close()
    except psycopg.OperationalError:
        return True
    return False
