"""A desk whose every episode was laid out beforehand, through the real engine and database."""
