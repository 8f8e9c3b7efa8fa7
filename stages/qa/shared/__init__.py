"""What the writers of reference and prose share: sentences, grammar, and what an article is about."""
