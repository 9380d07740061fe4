"""Prediction on several machines, through Dask."""
