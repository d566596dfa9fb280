"""The trend division: what has been moving keeps moving."""
