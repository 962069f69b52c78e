"""What every template may use: words of states and labels, and how times and sizes are written."""

from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import g
from markupsafe import Markup

from model import DISCLAIMER
from model.doubt import MEANINGS
from web.api.records.jobs import Job
from web.language.asked import _, locale, pgettext
from web.language.numbers import day, decimal, number
from web.language.words import UNCERTAIN_MEANS, reason_text
from web.pages.frame.keys import JOB_KEYS, LIST_KEYS, VIEWER_KEYS
from web.pages.frame.language import other_languages, words_address
from web.pages.frame.menu import page_links
from web.pages.frame.notices import SHOWN, notice_by, notice_text, unread_notices
from web.showing.labels import label_name, map_name
from web.showing.pictures import REFUSED_BY_GATE
from worker.records.images import ImageStatus
from worker.records.jobs import JobRecord, JobStatus

blueprint = APIBlueprint("words", __name__, enable_openapi=False)

UNITS = (("d", 86_400), ("h", 3600), ("min", 60))
# In a browser's name for itself; each claims to be those below it as well.
BROWSERS = (
    *(("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox")),
    *(("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


@blueprint.app_context_processor
def _words() -> dict[str, object]:
    """What every template may use."""
    return {
        "disclaimer": _(DISCLAIMER),
        "job_state": job_state,
        "label_name": lambda label: _(label_name(label)),
        "job_keys": JOB_KEYS,
        "list_keys": LIST_KEYS,
        "language_tag": str(locale()).replace("_", "-"),
        "map_name": map_name,
        "notice_by": notice_by,
        "notice_text": notice_text,
        "other_languages": other_languages(),
        "page_links": page_links,
        # Not looked up here: an error page must not need the database that has just failed.
        "principal": g.get("principal"),
        "reason_text": reason_text,
        "refused_by_gate": REFUSED_BY_GATE,
        "shown_notices": SHOWN,
        "status_names": {
            status.value: pgettext("image", status.value.capitalize()) for status in ImageStatus
        },
        "uncertain_means": _(UNCERTAIN_MEANS),
        "unread_notices": unread_notices,
        "viewer_keys": VIEWER_KEYS,
        "why_uncertain": MEANINGS,
        "words": lambda words: ", ".join(map(_, words)),
        "words_address": words_address(),
    }


def job_state(job: Job | JobRecord) -> tuple[str, str]:
    """Class and word, as `jobStatus` in format.js has them."""
    if job.waiting_for is not None:
        return "waiting", pgettext("job", "Waiting")
    if job.open and job.status is JobStatus.RUNNING:
        return "open", pgettext("job", "Open")
    if job.status is JobStatus.COMPLETE and job.counts.done == 0:
        return "none", pgettext("job", "No results")
    return job.status.value, pgettext("job", job.status.value.capitalize())


def age(seconds: float) -> str:
    """7500 → "2 h 5 min", 42 → "42 s"."""
    left, parts = max(0, int(seconds)), []
    for unit, size in UNITS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or f"{left} s"


blueprint.add_app_template_filter(number)
blueprint.add_app_template_filter(decimal)
blueprint.add_app_template_filter(day)
blueprint.add_app_template_filter(age)


@blueprint.app_template_filter("file_size")
def file_size(size_bytes: int) -> str:
    """123456 → "123 kB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            digits = 0 if size_bytes >= 100 * size else 1
            return f"{decimal(size_bytes / size, digits)} {unit}"
    return f"{size_bytes} B"


@blueprint.app_template_filter("moment")
def moment(at: datetime) -> Markup:
    """2026-11-25 18:58 UTC, which times.js turns into local time."""
    utc = at.astimezone(UTC)
    text = utc.strftime("%Y-%m-%d %H:%M UTC")
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(), text)


@blueprint.app_template_filter("browser_name")
def browser_name(user_agent: str) -> str:
    """ "Mozilla/5.0 (X11; Linux…) … Firefox/140.0" → "Firefox on Linux"."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), _("Another browser"))
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    return _("%(browser)s on %(system)s", browser=browser, system=system) if system else browser
