# Slicer writes the extension's own configuration file for other extensions here; nobody depends on this one.
