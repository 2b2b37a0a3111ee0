"""The conversation: listens, answers and posts what `digest` wrote."""
