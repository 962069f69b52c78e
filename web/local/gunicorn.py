"""How gunicorn serves the web application."""

from worker.settings import Settings


def gunicorn_arguments(settings: Settings) -> list[str]:
    """What follows `python` to serve `web.app:create_app()` with these settings."""
    return [
        *("-m", "gunicorn", "web.app:create_app()"),
        *("--bind", f"{settings.host}:{settings.port}"),
        *("--worker-class", "gthread", "--workers", "1"),
        *("--threads", str(settings.web_threads)),
        # A large upload takes minutes: the thread is busy, the server is not stuck.
        *("--timeout", "120", "--graceful-timeout", "10", "--keep-alive", "15"),
        *("--log-level", "warning", "--no-control-socket"),
    ]
