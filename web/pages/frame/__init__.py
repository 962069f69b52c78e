"""What every page has: its files, its menu, its language, its keys and its words."""
