"""Database: schema, rows, writer, checks, queries."""
