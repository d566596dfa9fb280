"""The flow division: who is in a hurry moves the price."""
