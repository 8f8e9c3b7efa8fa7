"""Nobody, and so no code: what dvc.yaml names for a judge that asks no chat model, and for pairs that none writes."""
