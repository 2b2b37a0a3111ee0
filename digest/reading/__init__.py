"""What posts say: every post is read once, where it enters, and its reading travels on.

`read(posts)` gives a `Reading` a post; select, write, verify and the word cloud take readings and
never go back to raw text. What costs time (sentences, names, companies) is worked out when first
asked for, at most once a post. Importing this package loads no numpy and no jieba.
"""

from digest.reading.names import Name
from digest.reading.readings import Reading, Sentence, Story, attach, read

__all__ = ["Name", "Reading", "Sentence", "Story", "attach", "read"]
