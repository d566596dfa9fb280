"""Weight rules, their history and the regime that emerges."""
