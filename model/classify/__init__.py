"""`cxr classify`: files to results, without a server."""
