"""Fits and measures the gate of `model.gate`: `python -m training.gate`."""
