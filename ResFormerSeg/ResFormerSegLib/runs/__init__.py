"""Tasks of the engine and the jobs that carry them out: from volumes in the scene to results in the scene."""
