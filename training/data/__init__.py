"""Data sets: manifests, X-rays, and what training images go through."""
