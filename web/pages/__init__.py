"""The pages for people: views, templates and static files."""

from web.pages.administration import audit, clinic_settings, operations
from web.pages.frame import language, words
from web.pages.images import saved, views
from web.pages.people import access, account, sign_in
from web.pages.reference import docs, reading

BLUEPRINTS = (
    *(words.blueprint, language.blueprint, sign_in.blueprint, views.blueprint),
    saved.blueprint,
    *(reading.blueprint, docs.blueprint, account.blueprint, access.blueprint),
    *(audit.blueprint, operations.blueprint, clinic_settings.blueprint),
)
