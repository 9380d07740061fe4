"""The engine's worker process: starting it, exchanging messages and arrays, keeping it alive, explaining its exit."""
