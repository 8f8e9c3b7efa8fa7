"""Measurements behind the numbers in the README.

A package, so that none installed under the same name is found first.
"""
