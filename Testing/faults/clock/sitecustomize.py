"""Makes the clock of a process jump from its start; the seed is in the environment. See `faults.surroundings`."""

import os

if "FAULTS_CLOCK" in os.environ:
    from faults.surroundings import jumping_clock

    jumping_clock(os.environ["FAULTS_CLOCK"])
