"""An exchange for perpetuals: accounts trade with each other and with the market's crowd."""
