"""Trend division: bots that follow what has been moving."""
