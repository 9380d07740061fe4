"""What runs the models: whether it is installed, and how it comes."""
