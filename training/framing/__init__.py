"""Teaches the finder of lungs of `model.framing.lungs`: `python -m training.framing`."""
