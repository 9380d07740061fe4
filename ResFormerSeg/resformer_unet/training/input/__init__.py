"""Training input: slices as arrays, sampling, augmentation, batches."""
