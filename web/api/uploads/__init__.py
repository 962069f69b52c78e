"""How files come in over the API: in one request, one by one, in pieces."""
