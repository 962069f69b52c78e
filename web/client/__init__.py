"""The commands `cxr submit`, `status` and `results`: a thin client of the REST API."""
