"""`cxr` in the test's own process."""

import click.testing


def cxr(*arguments: object, **environment: str | None) -> click.testing.Result:
    """Run a command; no CXR_DATA or CXR_ARTIFACT unless `environment` has it."""
    from cxr import main

    environment = {"CXR_DATA": None, "CXR_ARTIFACT": None, "COLUMNS": "200"} | environment
    return click.testing.CliRunner().invoke(main, [*map(str, arguments)], env=environment)
