"""The engine's worker process: starting it, talking to it, keeping it, telling why it ended."""
