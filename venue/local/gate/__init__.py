"""Admission of actions: signatures, agents, nonces, budgets."""
