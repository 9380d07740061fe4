"""Evaluation of a model on a data set: metrics, confidence intervals, report card."""
