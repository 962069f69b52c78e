"""The REST API under /api/v1: jobs, images and exports."""

from web.api import exports, images, jobs, upload

BLUEPRINTS = (upload.blueprint, jobs.blueprint, images.blueprint, exports.blueprint)
