"""What follows a form of the pages that was taken."""

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response


def done(said: str) -> Response:
    """Back to the form's page, `show` of its blueprint, which says so: a reload then does nothing
    again."""
    flash(said)
    return redirect(url_for(".show"), code=303)
