"""Text: sentences, words, stems."""
