"""State folder of one instance: paths, lock, control socket, database."""
