"""Flow division: bots that read the pressure of order flow."""
