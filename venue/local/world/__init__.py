"""Synthetic world: prices, depth, flow, contexts."""
