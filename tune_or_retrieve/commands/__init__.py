"""The commands of tune-or-retrieve: check, preset, evidence, tidy, and those about AWS. No stage depends on them."""
