"""The hour clock 时限 of each step that an incident asks for."""
