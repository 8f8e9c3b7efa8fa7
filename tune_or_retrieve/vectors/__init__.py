"""Text to unit vectors, and the settings of an index on this machine."""
