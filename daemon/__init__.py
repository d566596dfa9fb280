"""The daemon: engine, replay, supervisor, command line; it alone imports all other packages."""
