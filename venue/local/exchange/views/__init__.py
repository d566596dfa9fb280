"""Answers about an account, and the market with the accounts' orders in it."""
