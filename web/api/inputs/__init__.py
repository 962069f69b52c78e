"""Query parameters, headers and JSON bodies. Each is defined once, for its validation and for the
OpenAPI document."""
