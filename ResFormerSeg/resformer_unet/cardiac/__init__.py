"""Cardiac function parameters and the diagnosis of a patient, from the two phases of the heart."""
