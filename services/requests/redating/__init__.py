"""Open cases are dated anew when a holiday notice arrives."""
