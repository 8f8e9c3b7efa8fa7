"""The commands of tune-or-retrieve: check, preset, evidence, and those that look at AWS. No stage depends on them."""
