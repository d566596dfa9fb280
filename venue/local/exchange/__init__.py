"""The exchange core: accounts trade with each other and with the market's crowd."""
