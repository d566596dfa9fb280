"""The operator's page: a process of its own that reads the database and asks the daemon."""
