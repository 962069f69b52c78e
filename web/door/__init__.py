"""The server: an event loop holds every connection, threads work for those that are ready."""
