"""Steps of matching: checking, placing, clearing, triggers, funding, liquidation."""
