"""The command line `lantai`: it starts, feeds and inspects the services, and holds no rule of its own."""
