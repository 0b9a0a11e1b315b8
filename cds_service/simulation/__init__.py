"""Synthetic patients through the real decision path: vignettes of the cards, fixtures, mutation of criteria."""
