"""What the network sees in training: slices as arrays, sampled, varied, in batches."""
