"""Who is asking: tokens, sessions, and whether a request comes from our own pages."""
