"""Training a model further on a training set of one's own: what it needs, how long it takes, pausing and going on."""
