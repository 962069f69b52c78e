"""What may be asked in an address, and sent besides files: each defined once, for its check and for
the OpenAPI document."""
