"""Alerts: what an operator must hear of, told on the phone; a service of its own."""
