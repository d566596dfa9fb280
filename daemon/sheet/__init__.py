"""Picture of the lenses: panels, table, series."""
