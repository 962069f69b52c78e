"""docker-compose.yml, also with docker-compose.tls.yml, against the specification and the code."""

import json
import re
from importlib import resources
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest
import yaml

from cxr import COMMANDS, main
from tests.support.compose import (
    ROOT,
    SECRETS,
    compose,
    dockerfile,
    instructions,
    own_services,
    secrets_of,
)
from tests.support.tls import make_certificates
from worker.settings import Settings, describe
from worker.supervise.parts import CONTAINER_GRACE_S
from worker.supervise.supervisor import CLEAN_UP_S

SERVICES = {"migrate", "web", "worker-cpu", "worker-gpu", "sweeper", "redis", "postgres"}
OWN = SERVICES - {"redis", "postgres"}
# The role of each part in PostgreSQL, and the secret that is its password.
ROLES = {
    "migrate": ("cxr_owner", "owner"),
    "web": ("cxr_web", "web"),
    "worker-cpu": ("cxr_worker", "worker"),
    "worker-gpu": ("cxr_worker", "worker"),
    "sweeper": ("cxr_sweeper", "sweeper"),
}


def test_compose_file_follows_the_specification():
    package = pytest.importorskip("check_jsonschema")
    vendored = resources.files(package) / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text())
    kind = jsonschema.validators.validator_for(schema)
    as_written = [yaml.safe_load(file.read_text()) for file in ROOT.glob("docker-compose*.yml")]
    assert len(as_written) == 2
    for file in (*as_written, compose(), compose(tls=True)):
        assert [error.message for error in kind(schema).iter_errors(file)] == []
        assert "version" not in file


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
def test_variables_are_settings(name, tmp_path):
    service = own_services()[name]
    known = {variable for variable, _, _ in describe()}
    environment, files = {}, secrets_of(service)
    for variable, value in service["environment"].items():
        assert variable.removesuffix("_FILE") in known
        if variable.endswith("_FILE"):
            environment[variable] = str(tmp_path / files[value])
    for secret in files.values():
        (tmp_path / secret).write_text(f"{secret}-password\n")
    (tmp_path / "files_key").write_text("k" * 48)
    settings = Settings.from_env(service["environment"] | environment)
    role, password = ROLES[name]
    assert str(settings.home) == "/data"
    assert settings.redis_url == "redis://:redis-password@redis:6379/0"
    address = f"{role}:{password}-password@postgres:5432/cxr"
    assert settings.database_url == f"postgresql+psycopg://{address}"
    assert len(environment) == len(files), "every secret that it gets is used"


# Settings that several parts go by: one that does not get it would go by the default.
BY_SEVERAL = {
    "CXR_ARTIFACT": {"web", "worker-cpu", "worker-gpu"},
    "CXR_OPEN_JOB_S": {"web", "sweeper"},
    "CXR_MAX_ATTEMPTS": {"worker-cpu", "worker-gpu", "sweeper"},
    "CXR_IMAGE_LIMIT_S": {"web", "worker-cpu", "worker-gpu", "sweeper"},
    "CXR_FILES_KEY_FILE": {"web", "worker-cpu", "worker-gpu"},
}


def test_parts_that_go_by_the_same_setting_all_get_it():
    services = own_services()
    for variable, parts in BY_SEVERAL.items():
        assert {name for name in services if variable in services[name]["environment"]} == parts


def test_every_setting_reaches_a_part():
    given = {name for one in own_services().values() for name in one["environment"]}
    known = {variable for variable, _, _ in describe()} - {"CXR_DEVICE"}  # an option of the command
    assert {name for name in known if not {name, f"{name}_FILE"} & given} == set()


# What a server that others reach must have, and one on a single machine need not.
STRICTER = {"CXR_REQUIRE_SECOND_FACTOR": "true"}


def test_defaults_are_those_of_the_settings_or_stricter():
    defaults = {variable: default for variable, default, _ in describe()} | STRICTER
    written = re.findall(
        r"^ +(CXR_\w+): \$\{\1:-(\S+)\}$", (ROOT / "docker-compose.yml").read_text(), re.MULTILINE
    )
    assert len(written) >= 8
    assert STRICTER.items() <= dict(written).items()
    for variable, default in written:
        assert default in (defaults[variable], defaults[variable].removesuffix(".0"))


def test_secrets_are_files_that_the_readme_makes():
    file = compose()
    assert set(file["secrets"]) == SECRETS
    assert {secret["file"] for secret in file["secrets"].values()} == {
        f"./secrets/{name}" for name in SECRETS
    }
    readme = (ROOT / "README.md").read_text()
    loop = re.search(r"for name in ([\w ]+); do\s+openssl rand -hex 24 > secrets/\$name", readme)
    assert set(loop[1].split()) == SECRETS
    assert "/secrets/" in (ROOT / ".gitignore").read_text()
    assert not re.search(
        r"(PASSWORD|TOKEN|SECRET_KEY|SECRET): ", (ROOT / "docker-compose.yml").read_text()
    )


def test_with_tls_every_part_checks_whom_it_speaks_to(tmp_path):
    """What else they get stays as it is."""
    with_tls, without = compose(tls=True), compose()
    checked = {"sslmode": "verify-full", "sslrootcert": "/run/secrets/ca"}
    for name in OWN:
        environment = dict(with_tls["services"][name]["environment"])
        database, queue = (environment.pop(one) for one in ("DATABASE_URL", "REDIS_URL"))
        assert dict(parse_qsl(urlsplit(database).query)) == checked
        assert urlsplit(queue).scheme == "rediss"
        assert dict(parse_qsl(urlsplit(queue).query)) == {
            "ssl_cert_reqs": "required",
            "ssl_ca_certs": "/run/secrets/ca",
        }
        plain = dict(without["services"][name]["environment"])
        assert database.startswith(plain.pop("DATABASE_URL"))
        assert queue.startswith(plain.pop("REDIS_URL").replace("redis://", "rediss://"))
        assert environment == plain
        secrets = secrets_of(with_tls["services"][name])
        assert secrets.pop("/run/secrets/ca") == "ca"
        assert secrets == secrets_of(without["services"][name])
    made = {f"./{path.relative_to(tmp_path)}" for path in make_certificates(tmp_path).iterdir()}
    files = {secret["file"] for name, secret in with_tls["secrets"].items() if name not in SECRETS}
    assert files == made - {"./secrets/ca.key"}, "the authority's key goes nowhere"


def test_with_tls_queue_and_database_take_nothing_else():
    services = compose(tls=True)["services"]
    script = services["redis"]["command"][2]
    assert "if [ -e /run/secrets/redis_key ]" in script
    assert "'port 0' 'tls-port 6379'" in script
    assert "/run/secrets/redis_key" in secrets_of(services["redis"])
    assert services["redis"]["healthcheck"]["test"][1].count("--tls --cacert") == 1
    options = services["postgres"]["command"][4:][1::2]
    assert {"ssl=on", "hba_file=/etc/postgresql-hba.conf"} <= set(options)
    rules = compose(tls=True)["configs"]["hba"]["content"].splitlines()
    assert [rule.split()[0] for rule in rules if not rule.startswith("#")] == ["local", "hostssl"]


def test_secrets_go_only_where_they_are_needed():
    holders = {secret: set() for secret in SECRETS}
    for name, service in compose()["services"].items():
        for secret in secrets_of(service).values():
            holders[secret].add(name)
    workers = {"worker-cpu", "worker-gpu"}
    assert holders == {
        "token": {"migrate"},
        "secret_key": {"web"},
        "files_key": {"web"} | workers,
        "oidc": {"web"},
        "redis": OWN | {"redis"},
        "postgres": {"postgres"},
        "owner": {"migrate", "postgres"},
        "web": {"web", "postgres"},
        "worker": workers | {"postgres"},
        "sweeper": {"sweeper", "postgres"},
    }


def test_every_service_is_bounded_and_has_no_rights():
    for name, service in compose()["services"].items():
        assert service["mem_limit"], name
        assert service["pids_limit"] > 0, name
        assert "cpus" in service or "cpu_shares" in service, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "build" in service or service["user"] not in ("root", "0"), name


def test_a_part_that_is_silent_is_ended_so_that_it_is_restarted():
    for name in ("web", "worker-cpu", "worker-gpu", "sweeper"):
        service = own_services()[name]
        assert service["healthcheck"]["test"][-2:] == ["--end-after", "4"], name
        assert (service["init"], service["restart"]) == (True, "unless-stopped")


def test_services_that_stay_are_watched_and_restarted():
    for name, service in compose()["services"].items():
        if name != "migrate":
            assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name
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
    database = services["postgres"]["environment"]["POSTGRES_DB"]
    assert services["web"]["environment"]["DATABASE_URL"].endswith(f"@postgres:5432/{database}")
    for config in services["postgres"]["configs"]:
        assert config["source"] in file["configs"]


def test_the_queue_keeps_its_messages():
    redis = compose()["services"]["redis"]
    assert redis["command"][:2] == ["sh", "-c"]
    assert 'exec valkey-server /tmp/password.conf "$@"' in redis["command"][2]
    options = dict(zip(redis["command"][4::2], redis["command"][5::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert redis["volumes"] == ["queue:/data"]


def test_web_listens_where_it_is_published():
    web = own_services()["web"]
    variables = {k: v for k, v in web["environment"].items() if not k.endswith("_FILE")}
    settings = Settings.from_env(variables)
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
