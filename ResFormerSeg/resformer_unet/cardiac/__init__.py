"""The diagnosis of a patient from the heart's two phases."""
