"""What is kept: topics, posts and reports. The only SQL of the program."""

from digest.store.spending import Spent
from digest.store.store import Store
from digest.store.topics import StoredTopic

__all__ = ["Spent", "Store", "StoredTopic"]
