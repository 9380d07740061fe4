"""How good a model is on a data set: metrics, confidence intervals, report card."""
