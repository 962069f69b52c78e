"""Signing in, one's own account, and who else gets in."""
