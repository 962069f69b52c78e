"""The REST API under /api/v1: jobs, images, reviews, exports; for operators, the whole system."""

from web.api import exports, images, jobs, operations, reports, reviews, tokens
from web.api.uploads import resumable, upload

BLUEPRINTS = (
    *(upload.blueprint, resumable.blueprint, jobs.blueprint, images.blueprint),
    *(
        reviews.blueprint,
        exports.blueprint,
        reports.blueprint,
        operations.blueprint,
        tokens.blueprint,
    ),
)
