"""Errors as answers: problem+json (RFC 9457) on the API, a page elsewhere. One table for all."""

import logging
import traceback

from apiflask import APIFlask, HTTPError
from flask import Response, jsonify, render_template, request
from flask_limiter import RateLimitExceeded
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES

from model.errors import ModelError, Rejection
from web import errors
from web.auth.throttle import TOO_MANY, seconds_to_wait
from web.language.asked import _
from web.language.words import error_text
from web.services import services
from worker.errors import (
    FileDamaged,
    FileLocked,
    FileNotKept,
    InvalidCursor,
    JobHeld,
    JobNotOpen,
    KeyReused,
    KeyTaken,
    LinkEnded,
    NameTaken,
    NoResultToReview,
    NotFound,
    NotRefusedByGate,
    PasswordRefused,
    PieceMisplaced,
    QuotaReached,
    ReviewIsFinal,
    SortTooWide,
    StorageUnavailable,
    TooManyPictures,
    TooManyUnfinished,
    TooManyViews,
    TooManyWaiting,
    UnknownLabel,
    UploadAbandoned,
    UploadTooLarge,
    WorkerError,
)

log = logging.getLogger(__name__)

# What each of our errors is in HTTP. The code of a Rejection or a WebError is its own.
STATUS: dict[type[Exception], tuple[int, str | None]] = {
    NotFound: (404, "not_found"),
    InvalidCursor: (422, "invalid_cursor"),
    UnknownLabel: (422, "unknown_label"),
    SortTooWide: (422, "sort_too_wide"),
    KeyTaken: (409, "key_taken"),
    KeyReused: (422, "idempotency_key_reused"),
    JobNotOpen: (409, "job_not_open"),
    JobHeld: (409, "job_held"),
    NotRefusedByGate: (409, "not_refused_by_gate"),
    FileNotKept: (409, "file_not_kept"),
    NoResultToReview: (409, "no_result_to_review"),
    ReviewIsFinal: (409, "review_is_final"),
    PieceMisplaced: (409, "offset_mismatch"),
    TooManyUnfinished: (429, "too_many_unfinished"),
    errors.UnsupportedTus: (412, None),
    errors.ChecksumMismatch: (460, None),
    UploadAbandoned: (503, "upload_abandoned"),
    StorageUnavailable: (507, "storage_unavailable"),
    Rejection: (422, None),
    errors.NotSignedIn: (401, None),
    errors.NotPermitted: (403, None),
    errors.CrossSite: (403, None),
    errors.SecondFactorRequired: (403, None),
    errors.InvalidForm: (422, None),
    errors.ProviderFailed: (502, None),
    LinkEnded: (410, "link_ended"),
    NameTaken: (409, "name_taken"),
    TooManyViews: (409, "too_many_views"),
    PasswordRefused: (422, "password_refused"),
    TooManyWaiting: (429, "too_many_waiting"),
    QuotaReached: (507, "quota_reached"),
    errors.NoPicture: (404, None),
    errors.NotReady: (409, None),
    errors.BeingDrawn: (503, None),
    TooManyPictures: (503, "too_many_pictures"),
    FileLocked: (503, "file_locked"),
    FileDamaged: (500, "file_damaged"),
    UploadTooLarge: (413, None),
    errors.UnsupportedUpload: (415, None),
    errors.InvalidUpload: (422, None),
}
HEADERS = {
    401: {"WWW-Authenticate": "Bearer"},
    429: {"Retry-After": "60"},
    503: {"Retry-After": "1"},
}
INTERNAL = "Something went wrong on the server. Try again; if it persists, check the server's log."
NOT_STORABLE = (
    "A value holds a character that cannot be stored, such as U+0000. Remove it, and send the "
    "request again."
)
NO_DATABASE = "The database cannot be reached. Try again in a moment."


def register(app: APIFlask) -> None:
    """Answer every error of `app` in the one shape."""
    for error in (WorkerError, ModelError, errors.WebError):
        app.register_error_handler(error, _known)
    app.register_error_handler(OperationalError, _no_database)
    app.register_error_handler(DataError, _not_storable)
    app.register_error_handler(HTTPError, _invalid_input)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def problem(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: object
) -> Response:
    """One error answer: JSON for programs, a page for people."""
    title = HTTP_STATUS_CODES.get(status, "Error")
    if request.path.startswith("/api/") or request.path == "/healthz":
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        response = jsonify(body | {"code": code} | more)
        response.content_type = "application/problem+json"
    else:
        detail = error_text(code, detail)
        page = render_template("error.html", status=status, title=_(title), detail=detail)
        response = Response(page)
    response.status_code = status
    response.headers.update(headers or {})
    return response


def _known(error: Exception) -> Response:
    for kind in type(error).__mro__:
        if kind in STATUS:
            status, code = STATUS[kind]
            return problem(status, code or error.code, str(error), HEADERS.get(status))
    return _unexpected(error)


def _no_database(error: OperationalError) -> Response:
    # Not the error itself: its text holds the statement with its parameters.
    log.error("The database does not answer: %s", type(error.orig).__name__)
    return problem(503, "database_unavailable", NO_DATABASE, {"Retry-After": "5"})


def _not_storable(error: DataError) -> Response:
    """PostgreSQL keeps no text with the character U+0000, and does not search for it."""
    log.warning("The database does not take a value (%s)", type(error.orig).__name__)
    return problem(422, "invalid_input", NOT_STORABLE)


def _invalid_input(error: HTTPError) -> Response:
    """A query, a body or a header that does not fit its schema."""
    detail = error.detail if isinstance(error.detail, dict) else {}
    fields = detail.get("query") or detail.get("json") or detail
    if "headers" in detail:
        fields = {name.replace("_", "-").title(): said for name, said in detail["headers"].items()}
    detail = " ".join(f"{name}: {' '.join(map(str, said))}" for name, said in fields.items())
    return problem(error.status_code, "invalid_input", detail or error.message, errors=fields)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    detail = error.description or HTTP_STATUS_CODES.get(status, "")
    if isinstance(error, RequestEntityTooLarge):
        most = services().settings.max_upload_mb
        detail = f"The upload is too large: at most {most} MB go in one job. Send it in parts."
        return problem(413, "upload_too_large", detail)
    if isinstance(error, RateLimitExceeded):
        wait_s = seconds_to_wait()
        said = error.limit.error_message if error.limit else None
        detail = f"{said or TOO_MANY} Try again in {wait_s} seconds."
        return problem(429, "too_many_requests", detail, {"Retry-After": str(wait_s)})
    if status == 404:
        detail = "There is nothing at this address."
    if status == 400 and request.path.startswith("/api/"):
        detail = "The request body is not valid JSON. /api/v1/docs shows what each address takes."
    code = (HTTP_STATUS_CODES.get(status, "error")).lower().replace(" ", "_").replace("'", "")
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Location")}
    return problem(status, code, detail, kept)


def _unexpected(error: Exception) -> Response:
    # The traceback without the message, which can hold a file's name and so a patient's.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s while answering %s\n%s", type(error).__name__, request.endpoint, where)
    return problem(500, "internal_error", INTERNAL)
