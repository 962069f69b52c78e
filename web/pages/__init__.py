"""The pages for people: views, templates and static files."""

from web.pages import docs, reading, views

BLUEPRINTS = (views.blueprint, reading.blueprint, docs.blueprint)
