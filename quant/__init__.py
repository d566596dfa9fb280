"""Mathematical models, one a file: numbers in, numbers out. Nothing here knows what a market is."""
