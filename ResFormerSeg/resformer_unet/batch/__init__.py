"""A model over many images: which, their files, one summary of all."""
