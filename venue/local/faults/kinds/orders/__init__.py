"""Faults of orders and fills."""
