"""The writer that reads ordinary documents: the facts that a sentence states by itself."""
