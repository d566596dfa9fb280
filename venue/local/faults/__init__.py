"""What goes wrong at a venue: one fault a file, and what puts them in a client's way."""
