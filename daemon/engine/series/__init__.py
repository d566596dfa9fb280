"""Series of limits: whose terms they run under, what they judge, when outcomes count."""
