"""Which posts and stories matter. Pure: values in, values out; each dropped post with its
reason."""
