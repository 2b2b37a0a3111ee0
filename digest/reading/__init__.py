"""Read posts: every post is read once, when it enters, and its reading is passed on.

`read(posts)` returns a `Reading` per post; select, write, verify and the word cloud use readings
and never the raw text. Costly parts (sentences, names, companies) are computed on first use, once
per post. Importing this package loads neither numpy nor jieba.
"""

from digest.reading.names import Name
from digest.reading.readings import Reading, Sentence, Story, attach, read

__all__ = ["Name", "Reading", "Sentence", "Story", "attach", "read"]
