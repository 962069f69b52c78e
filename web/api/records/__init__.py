"""The records of the API, each defined once: its JSON, and its schema in the OpenAPI document.

They read the store's records by the names of their attributes, so a field that is not named here
never leaves the server.
"""
