"""Posts in, proved report out. Knows nothing of chats: never imports `bot`."""
