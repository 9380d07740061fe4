"""Models: the network, the bundle that brings its weights as data, and where bundles are found."""
