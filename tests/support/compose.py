"""Reads docker-compose.yml and the Dockerfile as the tests need them; no container engine."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
# What README.md puts into the folder `secrets`.
SECRETS = {
    "token",
    "secret_key",
    "files_key",
    "oidc",
    "redis",
    "postgres",
    "owner",
    "web",
    "worker",
    "sweeper",
}
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def compose(tls: bool = False, **variables: str) -> dict[str, Any]:
    """docker-compose.yml with its ${VARIABLES} filled in from `variables` or their defaults.

    tls: with docker-compose.tls.yml on top.
    """
    files = ["docker-compose.yml", *(["docker-compose.tls.yml"] if tls else [])]
    merged: dict[str, Any] = {}
    for file in files:
        merged = _merged(merged, yaml.safe_load((ROOT / file).read_text()))
    return _filled(merged, variables)


def own_services(**variables: str) -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    services = compose(**variables)["services"]
    return {name: service for name, service in services.items() if "build" in service}


def _merged(below: Any, above: Any, name: str = "") -> Any:
    """By the Compose specification: mappings by their keys, lists one after the other; a command
    and a test are replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        keys = [*below, *(key for key in above if key not in below)]
        return {
            key: _merged(below[key], above[key], key)
            if key in below and key in above
            else (above if key in above else below)[key]
            for key in keys
        }
    if isinstance(below, list) and isinstance(above, list) and name not in ("command", "test"):
        return below + above
    return above


def _filled(value: Any, variables: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, variables) for inner in value]
    if not isinstance(value, str):
        return value

    def fill(found: re.Match) -> str:
        return variables.get(found[1]) or found[2]

    return _VARIABLE.sub(fill, value).replace("$$", "$")


def secrets_of(service: dict[str, Any]) -> dict[str, str]:
    """The secrets that a service gets: which one, by the file that it finds it in."""
    given = {}
    for secret in service.get("secrets", []):
        if isinstance(secret, str):
            secret = {"source": secret, "target": secret}
        given[f"/run/secrets/{secret['target']}"] = secret["source"]
    return given


@dataclass(frozen=True)
class Stage:
    """One build stage: its name, what it starts from, its instructions in order."""

    name: str
    parent: str
    instructions: list[tuple[str, str]]


def dockerfile() -> dict[str, Stage]:
    """The stages of the Dockerfile by name."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        instruction, _, value = line.partition(" ")
        if instruction == "FROM":
            parent, name = re.fullmatch(r"(\S+) AS (\S+)", value).groups()
            stage = stages[name] = Stage(name, parent, [])
        elif stage is not None:
            stage.instructions.append((instruction, " ".join(value.split())))
    return stages


def instructions(stages: dict[str, Stage], target: str) -> list[tuple[str, str]]:
    """What makes `target`: the instructions of its ancestors, then its own."""
    stage = stages[target]
    inherited = instructions(stages, stage.parent) if stage.parent in stages else []
    return inherited + stage.instructions
