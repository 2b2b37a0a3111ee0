"""What a text claims, in a form that compares across languages: numbers, days, names, versions."""
