"""Regime labels beside regimes known afterwards."""
