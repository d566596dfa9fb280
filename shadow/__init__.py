"""What the gate's refusals would have earned: the ledger, the store, the verdict, the report."""
