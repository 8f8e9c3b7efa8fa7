"""What everything rests on: errors, files, params, rows, corpus, questions, model locations, progress, the machine."""
