"""The contract of a market, and its common parts: ticks, grid, levels, candles, frames."""
