"""Live mode: the answer while the image changes, for a slice that is scrolled to, a sequence that plays, a stream."""
