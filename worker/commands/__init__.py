"""Commands for administrators of a server."""
