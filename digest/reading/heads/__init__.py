"""Judgements about text that are trained on labels: one small linear head each.

The features of a head are the hashed n-grams of a text and its encoder vector. Scores are margins
of a linear classifier: above 0 the label is more likely than not, and most are from -1 to 1.
"""
