"""The statutory clock 法定期限 of a request: when the reply is due, and why, day by day."""
