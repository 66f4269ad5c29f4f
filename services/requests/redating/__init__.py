"""Open cases are dated anew when a holiday notice arrives, and their reminders when the days of these are set anew."""
