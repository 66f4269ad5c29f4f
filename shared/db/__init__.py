"""One database of one service: units of work that commit before the answer, read sessions, the spine's tables."""
