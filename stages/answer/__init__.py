"""The four approaches answer the test questions: one piece of code, one stage group for each approach."""
