"""Articles to verified question-answer pairs, split by article and gated against the test questions."""
