"""Volumes out of the scene and results into it."""
