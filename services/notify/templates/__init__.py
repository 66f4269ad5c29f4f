"""The texts of notices, packaged and edited."""
