"""Reminders before the due day, and 逾期 the moment it has passed."""
