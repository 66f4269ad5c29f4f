"""Members of staff who are told: by role and agency."""
