"""Deliveries: what is due becomes messages, and every message becomes an outcome."""
