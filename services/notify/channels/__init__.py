"""Ways to reach people: mail by SMTP."""
