"""The report as a model writes it."""
