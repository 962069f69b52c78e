"""The REST API under /api/v1: jobs, images and exports."""

from web.api import exports, images, jobs

BLUEPRINTS = (jobs.blueprint, images.blueprint, exports.blueprint)
