"""docs/article.md: what the article's networks are worth."""
