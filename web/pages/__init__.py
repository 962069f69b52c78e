"""The pages for people: views, templates and static files."""

from web.pages import (
    access,
    account,
    audit,
    clinic_settings,
    docs,
    language,
    operations,
    reading,
    sign_in,
    views,
)

BLUEPRINTS = (
    *(sign_in.blueprint, views.blueprint, reading.blueprint, docs.blueprint),
    *(account.blueprint, access.blueprint, audit.blueprint, operations.blueprint),
    *(clinic_settings.blueprint, language.blueprint),
)
