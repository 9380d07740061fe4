"""Many cases at once: which images, one run after the other into a folder of results, and one of them shown."""
