"""Members of the public who asked to be told of an agency's documents."""
