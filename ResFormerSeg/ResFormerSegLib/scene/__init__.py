"""The scene: export of volumes and segments, import and display of results, slices and their positions."""
