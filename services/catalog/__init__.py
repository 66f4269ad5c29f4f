"""The catalog service 主动公开: what must be public, and whether it is."""
