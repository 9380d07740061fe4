"""A training set that grows case by case, from corrected results: adding, removing, and what it holds."""
