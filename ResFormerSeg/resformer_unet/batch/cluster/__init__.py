"""A bigger job on several machines, through Dask."""
