"""How uploaded bytes become rows, however they arrive."""
