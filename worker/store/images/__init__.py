"""Images of a clinic: lists, results, maps, reviews."""
