# Slicer writes the extension's own configuration file for other extensions here; none depends on this one.
