"""What is stored: topics, posts, reports, chats, money. The only SQL of the program."""

from digest.store.chat_tables import ChatTables
from digest.store.post_tables import PostTables, StoredTopic
from digest.store.report_tables import ReportTables
from digest.store.search_tables import SearchTables
from digest.store.spending_tables import SpendingTables, Spent
from digest.store.withdrawal_tables import WithdrawalTables

__all__ = ["Spent", "Store", "StoredTopic"]


class Store(PostTables, ReportTables, SearchTables, ChatTables, SpendingTables, WithdrawalTables):
    """The database as the rest of the program sees it: a class a group of tables."""
