"""Requests, subscriptions and refusals in the venue's words."""
