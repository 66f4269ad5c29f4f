"""答复: drafted, approved by another person, delivered."""
