"""What everything rests on: errors, files, params, rows, progress, the machine."""
