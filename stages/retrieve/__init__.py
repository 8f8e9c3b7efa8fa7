"""The passages of every test question, found once and replayed to every approach that retrieves."""
