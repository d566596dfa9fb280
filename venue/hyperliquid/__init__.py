"""Hyperliquid's wire, session, feed and REST client."""
