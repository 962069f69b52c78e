"""The REST API under /api/v1: jobs, images, reviews and exports."""

from web.api import exports, images, jobs, reports, reviews, upload

BLUEPRINTS = (
    *(upload.blueprint, jobs.blueprint, images.blueprint, reviews.blueprint),
    *(exports.blueprint, reports.blueprint),
)
