"""Chat models of any provider: calls, prompts, replies of a given shape, and the store of what was answered."""
