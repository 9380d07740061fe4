"""A model over the frames of a sequence: its segmentations, figures over time, and a heart from its cine."""
