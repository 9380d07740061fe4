"""Golden tests: what each shipped model says of a drawn image, the same through every entrance of the project."""
