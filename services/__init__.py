"""The services of Lantai: each its own application, database and migrations; none imports another."""
