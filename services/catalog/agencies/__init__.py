"""Agencies 行政机关: the tree that scopes everything; the catalog owns it and the other services replicate it."""
