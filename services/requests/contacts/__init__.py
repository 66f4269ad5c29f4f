"""Contacts of applicants, for the notify service alone: read just before a notice is sent."""
