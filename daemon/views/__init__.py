"""Views of state that commands, screen and scripts read."""
