"""Errors of predictions, one value per person; reports average them."""
