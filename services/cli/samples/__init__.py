"""Sample cases and incidents, filed as their people would file them: through the API, on their true days.

Each sample is marked by its title, so a load that was interrupted goes on where it stopped and a second one adds
nothing.
"""
