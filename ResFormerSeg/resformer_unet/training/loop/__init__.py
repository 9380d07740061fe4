"""The training itself: loss, optimiser, checkpoints, figures of each epoch."""
