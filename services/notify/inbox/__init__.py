"""站内信: what a member of staff is told inside the system."""
