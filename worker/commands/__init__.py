"""The commands of whoever looks after a server."""
