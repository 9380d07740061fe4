"""Data sets on disk: images, masks, one table of labels, and how they are split."""
