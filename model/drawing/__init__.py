"""Pictures for people: the X-ray, and maps over it."""
