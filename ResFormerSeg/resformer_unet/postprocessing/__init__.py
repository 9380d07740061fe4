"""From the network's output to clean masks, measurements and calibrated probabilities."""
