"""Judgements about text that are learned from labels: one small linear head each.

A head reads the hashed n-grams of a text and the encoder's vector of it. Scores are margins of a
linear classifier: above 0 the label is the likelier one, and most lie between -1 and 1.
"""
