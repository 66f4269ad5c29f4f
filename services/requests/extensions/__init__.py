"""延长: asked for by the clerk, approved by another person (Art. 33)."""
