"""What is trained and how: recipe, description of the model to be, initial weights, the run's folder."""
