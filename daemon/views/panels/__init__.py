"""What the panels of the page show, a file each: read from the database, typed, without engine."""
