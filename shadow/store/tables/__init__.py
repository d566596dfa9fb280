"""Tables of the database: each a struct for its rows beside the statements that made it."""
