"""Chat models of any provider: entries of `models`, calls, prompts, replies of a given shape, stored calls."""
