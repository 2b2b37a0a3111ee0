"""Answers of servers that strangers may have named: fetched within limits, and never from near by."""
