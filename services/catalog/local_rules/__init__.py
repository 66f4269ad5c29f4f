"""Values that an agency sets for itself and what lies below it, beside the national rule rows."""
