"""Faults of a venue: the plan, the kinds, and how they are applied."""
