"""Augmentation of training slices: geometry, and what other devices and programs do to pictures."""
