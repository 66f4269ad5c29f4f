"""通知: who is told, how, and the proof that it arrived."""
