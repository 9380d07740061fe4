"""One image through a model: prediction, explanation, the report and its warnings."""
