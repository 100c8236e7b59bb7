"""Language models: how they are named, called, and read."""
