"""The report without a model: sentences of posts, each with the posts that say it."""
