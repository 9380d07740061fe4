"""Learning from corrected results: the training set's folder, a training in a process of its own, its curves."""
