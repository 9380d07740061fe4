"""The result along the volume: charts, table of slices, and the link to the slice views."""
