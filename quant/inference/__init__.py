"""Inference: intervals that hold whatever day one looks, selection, quantiles, shrinkage."""
