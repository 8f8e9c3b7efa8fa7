"""Scores every answer from 0 to 10 with one judge, after the judge has proved itself on controls."""
