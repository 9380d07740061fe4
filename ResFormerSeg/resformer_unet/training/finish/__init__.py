"""From trained weights to a bundle: calibration, statistics of the training images, results, model card."""
