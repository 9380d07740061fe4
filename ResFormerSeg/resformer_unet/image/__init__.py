"""Medical images: read from files, checked, held with their geometry, and written."""
