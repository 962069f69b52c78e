"""The audit trail: of a clinic for its admins, of the whole system for operators."""

from datetime import UTC, datetime, timedelta

from apiflask import APIBlueprint
from flask import render_template, request, url_for

from web.auth.permissions import permits
from web.auth.requests import clinic_id
from web.auth.sealing import opened, sealed
from web.services import services
from web.showing.deeds import described
from worker.access import Scope
from worker.audit import Action, AuditRecord, Part

blueprint = APIBlueprint("audit", __name__, enable_openapi=False)

ENTRIES_PER_PAGE = 100
# Entries of all clinics are one chain: by its numbers a clinic could count those of the others.
SEALED_FOR = "cxr audit page"


@blueprint.get("/audit")
@permits(Scope.ADMIN)
def entries():
    return _page(clinic_id())


@blueprint.get("/operations/audit")
@permits(Scope.OPERATE)
def of_all():
    """Of every clinic, and of none, such as failed sign-ins and what commands did."""
    clinics = {clinic.id: clinic.name for clinic in services().store.clinics()}
    part = request.args.get("clinic", Part.ALL, type=_part)
    chosen = {} if part is Part.ALL else {"clinic": str(part)}
    return _page(part, chosen, clinics=clinics)


def _page(part: int | Part, also_chosen: dict[str, str] | None = None, **shown: object) -> str:
    """Entries of that part of the trail which the address asks for."""
    asked = request.args
    chosen = {
        "action": asked.get("action", type=Action),
        "job_id": asked.get("job_id", type=_number),
        "since": asked.get("since", type=_day),
        "until": asked.get("until", type=_day),
    }
    offset = asked.get("utc_offset", timedelta(0), type=_offset)
    since, until = chosen["since"], chosen["until"]
    found = services().store.audit_page(
        part,
        **chosen
        | {
            "since": since - offset if since else None,
            "until": until - offset + timedelta(days=1) if until else None,
        },
        before_id=asked.get("before", type=_entry),
        limit=ENTRIES_PER_PAGE + 1,
    )
    page = found[:ENTRIES_PER_PAGE]
    kept = {name: asked[name] for name, wanted in chosen.items() if wanted is not None}
    kept |= also_chosen or {}
    return render_template(
        "audit.html",
        actions=list(Action),
        chosen=kept,
        entries=page,
        described=described,
        older=_older(page, kept) if len(found) > len(page) else None,
        **shown,
    )


def _older(page: list[AuditRecord], kept: dict[str, str]) -> str:
    if "utc_offset" in request.args:
        kept = kept | {"utc_offset": request.args["utc_offset"]}
    return url_for(request.endpoint, before=sealed(str(page[-1].id), SEALED_FOR), **kept)


def _part(text: str) -> int | Part:
    return Part(text) if text in set(Part) else _number(text)


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError(f"Not the number of a row: {number}")
    return number


def _entry(text: str) -> int:
    number = opened(text, SEALED_FOR)
    if number is None:
        raise ValueError("Not a place in the audit trail")
    return int(number)


def _offset(text: str) -> timedelta:
    """Minutes that the reader's clock is ahead of UTC."""
    minutes = int(text)
    if abs(minutes) > 24 * 60:
        raise ValueError(f"Not the offset of a time zone: {minutes}")
    return timedelta(minutes=minutes)


def _day(text: str) -> datetime:
    day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    if not datetime.min.year < day.year < datetime.max.year:
        raise ValueError(f"The day after it, or before it, may not exist: {text}")
    return day
