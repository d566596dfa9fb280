"""Pages that are one file: written from the panels, nothing live and nothing fetched."""
