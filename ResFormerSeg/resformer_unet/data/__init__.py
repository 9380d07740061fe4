"""Data sets on disk: images, masks, a table of labels, and the splits."""
