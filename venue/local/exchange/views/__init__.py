"""Answers about an account's orders, fills and positions."""
