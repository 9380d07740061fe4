"""Mutation testing of the engine: `make mutants`."""
