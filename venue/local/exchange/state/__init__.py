"""State of the exchange core: accounts, orders, books, rules."""
