"""Parametric bodies in SMPL's format."""
