"""Talk with model servers: one connection, their dialects, their faults, what was learned and paid."""
