"""How bytes become rows, whoever brings them."""
