"""Text: headings, sentences, words for BM25, stems."""
