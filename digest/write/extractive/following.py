"""What stands behind the sentence that tells a story: a fact of its post, or of another that tells
the same."""

from itertools import chain

from digest.reading import Sentence, Story
from digest.reading.vocabulary import begins_with, count_words_of
from digest.write.extractive.draft import HAN, SAME_EVENT, Draft, praises, tells_same
from digest.write.extractive.pronouns import says_i, says_we
from digest.write.extractive.quotes import Quote, list_printable, score_quotes

ROOM = {"zh": 200, "en": 420}
"""Characters of the sentences behind the first."""
MAX_LOOKED = 3
"""Sentences behind the first that are looked at."""
LEAST_FOLLOWING, MOST_OPINION = -0.9, -0.3
"""Margins of `stands_alone` and `view` of a sentence that follows another: it need not stand alone,
and tells more of the news rather than what its author thinks of it."""
LEAST_STRANGE = -1.3
"""The first of these where the heads do not know the field: what follows "Council votes to close
Harbour Street" has -1.2 ("The trial lasts 18 months")."""
SAME_FACT = 0.70
"""Cosine from which it says once more what the first one says."""


def list_following(draft: Draft, story: Story, lead: Quote, most: int) -> list[Quote]:
    """Return what goes on behind a sentence in its post; where nothing does, behind another one of
    its story and language that tells the same."""
    others = (
        quote
        for quote in draft.list_quotes(story)
        if quote.post is not lead.post
        and quote.sentence.language == lead.sentence.language
        and float(quote.vector @ lead.vector) >= SAME_EVENT
        and tells_same(lead, quote)
    )
    least = LEAST_STRANGE if draft.is_strange else LEAST_FOLLOWING
    found = (_list_behind(lead, quote, most, least) for quote in chain([lead], others))
    return next(filter(None, found), [])


def _list_behind(lead: Quote, quote: Quote, most: int, least: float) -> list[Quote]:
    """Return sentences behind a quote that may stand behind the lead, as many as can be read;
    `least` is their least fitness."""
    room = ROOM["zh" if lead.sentence.language in HAN else "en"]
    colon = next((sign for sign in quote.text if sign in ":："), "")
    heading = quote.text.partition(colon or ":")[0]
    behind = quote.sentence.place + 1
    following: list[Quote] = []
    for sentence in quote.sentence.reading.sentences[behind : behind + MAX_LOOKED]:
        is_own = quote is lead and says_we(lead.text)
        is_voice = says_we(sentence.text) and not is_own  # its author's, not the news'
        is_list = bool(colon) and sentence.text.startswith(f"{heading}{colon}")  # its heading again
        fits = len(following) < most and len(sentence.text) <= room
        if is_list or is_voice or not fits or not list_printable([sentence], alone=False):
            continue
        (other,) = score_quotes([sentence])
        if other.fitness >= least and continues(other, lead):
            following.append(other)
            room -= len(sentence.text)
    return following


def continues(quote: Quote, lead: Quote) -> bool:
    """Return whether a sentence may stand behind the lead: it invites nobody to anything, praises
    nothing, tells of no "I", and begins no other news."""
    return (
        quote.opinion <= MOST_OPINION
        and float(quote.vector @ lead.vector) < SAME_FACT
        and not _is_other_news(quote.sentence, lead.sentence)
        and not begins_with(quote.text, "sentences", "invitations", "surprises", "feelings")
        and not (praises(quote.text) or says_i(quote.text))
    )


def _is_other_news(sentence: Sentence, lead: Sentence) -> bool:
    """Return whether a sentence names others than the lead, and says of them first that they
    release something, or goes on in small letters: "also many LoRAs of Kite dropped"."""
    if not sentence.names or sentence.name_keys & lead.name_keys:
        return False
    releases = count_words_of(sentence.text, "acts", "release", "open")
    begins = any(sentence.text.startswith(name.text) for name in sentence.names)
    return sentence.text[0].islower() or bool(begins and releases)
