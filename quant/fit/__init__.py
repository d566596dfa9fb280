"""Searches for the likeliest parameters of a model, one a file. The models stand a floor up."""
