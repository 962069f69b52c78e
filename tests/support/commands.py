"""`cxr` in the test's own process."""

import json

import click.testing


def cxr(*arguments: object, **environment: str | None) -> click.testing.Result:
    """Run a command; no CXR_DATA or CXR_ARTIFACT unless `environment` has it."""
    from cxr import main

    environment = {"CXR_DATA": None, "CXR_ARTIFACT": None, "COLUMNS": "200"} | environment
    return click.testing.CliRunner().invoke(main, [*map(str, arguments)], env=environment)


def one_sentence(result: click.testing.Result, *words: str) -> None:
    """Exit code 1 and one line on stderr, not a traceback."""
    assert result.exit_code == 1, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("Error: ")
    assert all(word in lines[0] for word in words), lines[0]


def classified(*arguments: object) -> tuple[int, list[dict], str]:
    """`cxr classify --json`. Returns: exit code, results, what it said besides."""
    result = cxr("classify", "--json", *arguments)
    return (
        result.exit_code,
        [json.loads(line) for line in result.stdout.splitlines()],
        result.stderr,
    )
