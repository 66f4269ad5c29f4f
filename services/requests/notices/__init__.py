"""通知: what became of the mails about a case, kept in its trail as proof that people were told."""
