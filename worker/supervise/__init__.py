"""Keeping the processes of one machine running."""
