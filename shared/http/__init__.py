"""The edge of every service: problems, idempotency, preconditions, limits, sessions, health, documents."""
