"""The module's panel: what the user selects, the run, and the sections that show its result."""
