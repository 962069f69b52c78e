"""The commands `cxr train`, `export`, `evaluate` and `calibrate`."""
