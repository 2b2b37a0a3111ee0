"""Ask model servers: one client, their quirks, their failures, what was learned and paid."""
