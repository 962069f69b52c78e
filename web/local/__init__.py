"""Everything on one machine: `cxr up`, `cxr web`, `cxr demo`, temporary systems."""
