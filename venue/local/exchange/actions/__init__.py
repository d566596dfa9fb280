"""What accounts can do, one kind of action a file."""
