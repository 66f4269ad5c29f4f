"""The rules of the requests service, without a database."""
