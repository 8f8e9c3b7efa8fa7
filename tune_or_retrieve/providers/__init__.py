"""Who does the work: a package each, imported only where a study uses it."""
