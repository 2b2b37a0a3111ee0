"""Write a report without a model: sentences of posts, each cited with the posts that support it."""
