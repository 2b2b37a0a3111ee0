"""Turn posts into a verified report. Never imports `bot` and knows nothing about chats."""
