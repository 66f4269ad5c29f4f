"""征求意见: third parties and other organs that are consulted (Arts. 32-34)."""
