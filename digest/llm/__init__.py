"""Client of model servers: compatibility quirks, retries, answer parsing, budget."""
