"""The engine in a process of its own, for another program such as 3D Slicer."""
