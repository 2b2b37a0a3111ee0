"""What is stored: topics, posts, reports, chats, money. The only SQL of the program."""

from digest.store.chats import ChatTables
from digest.store.posts import PostTables, StoredTopic
from digest.store.reports import ReportTables
from digest.store.spending import SpendingTables, Spent

__all__ = ["Spent", "Store", "StoredTopic"]


class Store(PostTables, ReportTables, ChatTables, SpendingTables):
    """The database as the rest of the program sees it: a class a group of tables."""
