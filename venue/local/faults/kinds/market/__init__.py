"""Faults of what the market shows: books, prices, listings and the clock."""
