"""补正: one notice, and what follows it (Art. 30)."""
