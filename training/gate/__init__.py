"""Fits and measures the gate of `model.gate.frontal`: `python -m training.gate`."""
