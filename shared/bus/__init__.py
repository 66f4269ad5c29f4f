"""The event bus: outbox → relay → transport → consumers → inbox. Nothing is lost, nothing takes effect twice."""
