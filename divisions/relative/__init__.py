"""The relative division: coins are priced against each other."""
