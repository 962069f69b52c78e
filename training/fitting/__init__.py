"""Recipes, and the networks fitted by them."""
