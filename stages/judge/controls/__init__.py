"""Answers of known worth, made from validation pairs, on which every judge proves itself first."""
