"""How uploaded bytes become rows, whatever door they come through."""
