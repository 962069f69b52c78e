"""Images: lists of them, one, several at once, its pictures and maps."""

from web.api.images import lists, maps, one, pictures, several
from web.api.images.shared import blueprint

__all__ = ["blueprint", "lists", "maps", "one", "pictures", "several"]
