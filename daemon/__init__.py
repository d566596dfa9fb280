"""The only package that knows all the others: engine, replay, supervisor, command line."""
