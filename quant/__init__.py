"""Mathematical models, one a file: numbers in, numbers out. Nothing here knows what a market is.

The searches for the likeliest parameters of a model are in `fit/`.
"""
