"""From an image to the network's input: slices, intensities, letterbox; the one path that everything shares."""
