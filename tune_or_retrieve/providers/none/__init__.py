"""Nobody: what a judge depends on that asks no chat model, and pairs that none writes."""
