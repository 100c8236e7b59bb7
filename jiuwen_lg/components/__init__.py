"""The built-in components, one a file."""
