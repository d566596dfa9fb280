"""Terminal screen."""
