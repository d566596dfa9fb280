"""Contract of a market, and what every market is made of: ticks, grid, levels, frames."""
