"""Research that drives the engine."""
