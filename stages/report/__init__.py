"""From answers, scores and timings to numbers with their uncertainty, plots, a table and one page.

Reading order: inputs (files to a `Study`), measures (one cell per model, approach and question set), comparisons
(paired, between approaches), verdict (words that follow from the numbers), then the outputs: summary, plots, table,
page. statistics.py holds the pure functions that all of them rest on.
"""
