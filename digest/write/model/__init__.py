"""Write a report with a model."""
