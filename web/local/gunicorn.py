"""How gunicorn serves the web application: `python -P -m web.local.gunicorn`."""

from worker.settings import Settings


def gunicorn_arguments(settings: Settings) -> list[str]:
    """What follows `python` to serve `web.app:create_app()` with these settings."""
    return [
        *("-P", "-m", "web.local.gunicorn", "web.app:create_app()"),
        *("--bind", f"{settings.host}:{settings.port}"),
        *("--worker-class", "gthread", "--workers", "1"),
        *("--threads", str(settings.web_threads)),
        # A large upload takes minutes: the thread is busy, the server is not stuck.
        *("--timeout", "120", "--graceful-timeout", "10", "--keep-alive", "15"),
        *("--log-level", "warning", "--no-control-socket"),
    ]


def main() -> None:
    """gunicorn itself, but for its habit of putting the current folder first in Python's path: a
    `model.py` there must not be imported in place of ours."""
    from gunicorn.app.wsgiapp import WSGIApplication

    class Server(WSGIApplication):
        def chdir(self) -> None:
            """Stay in the folder the process was started in; it is not in the path."""

    Server(prog="gunicorn").run()


if __name__ == "__main__":
    main()
