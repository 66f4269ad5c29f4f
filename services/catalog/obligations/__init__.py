"""Obligations 公开义务: what has to be published again and again, dated where the source gives a number."""
