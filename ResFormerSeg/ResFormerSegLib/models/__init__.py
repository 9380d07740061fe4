"""The models that can be chosen, and which model suits which image."""
