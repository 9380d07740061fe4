"""Set-up of a training: recipe, descriptor, initial weights, distributed context, the run's folder."""
