"""Find the first person, singular or plural, in a sentence."""

from digest.reading.vocabulary import begins_with

_WE = frozenset("we our ours us ourselves we're we've we'll we’re we’ve we’ll".split())
_I = frozenset("i i'm i've i'd i'll i’m i’ve i’d i’ll me my myself".split())
"""Without "mine", which is also where ore comes from."""
_I_HAN, _OTHERS = "我", "我们 我們 我国 我國 我方 我省 我市 我县 自我".split()
_WE_HAN = ("我们", "我們", "咱们")


def says_we(text: str) -> bool:
    """Return True if the text uses the first person plural outside a quotation."""
    words = text.split()
    if words[1:2] in (["to"], ["that"], ["for"]) and begins_with(text, "sentences", "feelings"):
        return True
    for number, word in enumerate(list_words(text)):
        if word in _WE and words[number] not in ("US", "US."):
            return not _is_quotation(" ".join(words[:number]))
    place = min((text.find(word) for word in _WE_HAN if word in text), default=-1)
    return place >= 0 and not _is_quotation(text[:place])


def says_i(text: str) -> bool:
    """Return True if the text uses the first person singular."""
    words = set(list_words(text))
    for word in _OTHERS:
        text = text.replace(word, "")
    return bool(words & _I) or _I_HAN in text


def list_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without surrounding punctuation."""
    return [word.strip('.,;:!?()“”"').lower() for word in text.split()]


def _is_quotation(before: str) -> bool:
    """Return True if this text before a word attributes it to another speaker."""
    before = before.rstrip()
    endings = (":", "：", " said that", "表示")
    return any(mark in before for mark in '“「『"') or before.endswith(endings)
