"""docker-compose.yml against the Compose specification and against the code."""

import json
import re
from importlib import resources

import jsonschema
import pytest
import yaml

from cxr import COMMANDS, main
from tests.support.compose import (
    ROOT,
    SECRETS,
    MissingVariable,
    compose,
    dockerfile,
    instructions,
    own_services,
)
from worker.settings import Settings, describe
from worker.supervise.parts import CONTAINER_GRACE_S
from worker.supervise.supervisor import CLEAN_UP_S

SERVICES = {"migrate", "web", "worker-cpu", "worker-gpu", "sweeper", "redis", "postgres"}
OWN = SERVICES - {"redis", "postgres"}
# Read by libpq, PostgreSQL's client library.
OF_LIBPQ = {"PGPASSWORD"}
OF_POSTGRES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}


def test_compose_file_follows_the_specification():
    package = pytest.importorskip("check_jsonschema")
    vendored = resources.files(package) / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text())
    kind = jsonschema.validators.validator_for(schema)
    as_written = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    for file in (as_written, compose()):
        assert [error.message for error in kind(schema).iter_errors(file)] == []
    assert "version" not in as_written


def test_every_part_of_the_fleet_is_a_service():
    assert set(compose()["services"]) == SERVICES
    assert set(own_services()) == OWN


@pytest.mark.parametrize("name", sorted(OWN))
def test_commands_exist_in_the_code(name):
    service = own_services()[name]
    command, *arguments = _after_cxr(service["command"])
    assert command in COMMANDS
    # Parses the options as the command itself does, and refuses unknown ones.
    main.get_command(None, command).make_context(command, arguments)
    test = service.get("healthcheck", {}).get("test", [])
    if "cxr" in test:
        command, *arguments = _after_cxr(test[1:])
        main.get_command(None, command).make_context(command, arguments)


@pytest.mark.parametrize("name", sorted(OWN))
def test_variables_are_settings(name):
    environment = own_services()[name]["environment"]
    assert set(environment) - {variable for variable, _, _ in describe()} == OF_LIBPQ
    settings = Settings.from_env(environment)
    assert str(settings.home) == "/data"
    assert settings.redis_url == "redis://redis:6379/0"
    assert settings.database_url == "postgresql+psycopg://cxr@postgres:5432/cxr"


def test_defaults_are_those_of_the_settings():
    defaults = {variable: default for variable, default, _ in describe()}
    written = re.findall(
        r"^ +(CXR_\w+): \$\{\1:-(\S+)\}$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE
    )
    assert len(written) >= 8
    for variable, default in written:
        assert default in (defaults[variable], defaults[variable].removesuffix(".0"))


@pytest.mark.parametrize("secret", sorted(SECRETS))
def test_a_missing_secret_is_named(secret):
    with pytest.raises(MissingVariable, match=rf"{secret} is missing. Put .* into \.env"):
        compose({name: value for name, value in SECRETS.items() if name != secret})
    assert secret in (ROOT / "README.md").read_text()


def test_secrets_go_only_where_they_are_needed():
    holders = {
        variable: {
            name
            for name, service in compose()["services"].items()
            if variable in service.get("environment", {})
        }
        for variable in SECRETS
    }
    assert holders == {
        "CXR_TOKEN": {"migrate"},
        "CXR_SECRET_KEY": {"web"},
        "POSTGRES_PASSWORD": {"postgres"},
    }


def test_services_that_stay_are_watched_and_restarted():
    for name, service in compose()["services"].items():
        if name != "migrate":
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert service["restart"] == "unless-stopped", name
            assert "stop_grace_period" in service, name


def test_workers_have_the_time_that_their_container_has():
    for name in ("worker-cpu", "worker-gpu"):
        given_s = float(own_services()[name]["stop_grace_period"].removesuffix("s"))
        assert given_s - CONTAINER_GRACE_S >= CLEAN_UP_S, "the rest is for cleaning up"
        assert given_s / 2 < CONTAINER_GRACE_S


def test_names_inside_the_file_agree():
    file = compose()
    services = file["services"]
    for name, service in services.items():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in file["volumes"], name
        assert set(service["networks"]) <= set(file["networks"]), name
        for needed, how in service.get("depends_on", {}).items():
            watched = "healthcheck" in services[needed]
            assert how["condition"] == (
                "service_healthy" if watched else "service_completed_successfully"
            )
    environment = services["postgres"]["environment"]
    assert set(environment) == OF_POSTGRES
    address = f"{environment['POSTGRES_USER']}@postgres:5432/{environment['POSTGRES_DB']}"
    assert address in services["web"]["environment"]["DATABASE_URL"]


def test_the_queue_keeps_its_messages():
    redis = compose()["services"]["redis"]
    options = dict(zip(redis["command"][1::2], redis["command"][2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert redis["volumes"] == ["queue:/data"]


def test_web_listens_where_it_is_published():
    web = own_services()["web"]
    settings = Settings.from_env(web["environment"])
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert web["ports"] == ["127.0.0.1:8000:8000"]
    assert ("EXPOSE", "8000") in instructions(dockerfile(), "cpu")


def test_images_share_one_folder_of_data():
    for name, service in own_services().items():
        assert service["volumes"] == ["data:/data"], name
        assert service["read_only"] is True, name


def test_gpu_worker_asks_for_a_gpu():
    worker = own_services()["worker-gpu"]
    assert worker["profiles"] == ["gpu"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert worker["build"]["target"] == "gpu"
    assert {s["build"]["target"] for n, s in own_services().items() if n != "worker-gpu"} == {"cpu"}


def test_images_are_pinned():
    used = [s["image"] for s in compose()["services"].values() if "build" not in s]
    used.append(re.search(r"^ARG PYTHON=(\S+)", (ROOT / "Dockerfile").read_text(), re.M)[1])
    assert all(re.search(r":\d+\.\d+", image) for image in used)


def _after_cxr(command: list[str]) -> list[str]:
    assert command[0] == "cxr"
    return command[1:]
