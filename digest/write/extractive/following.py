"""Sentences that follow the lead sentence of a story: more facts from its own post, or from another
post about the same event."""

from itertools import chain

from digest.reading import Sentence, Story
from digest.reading.vocabulary import begins_with, count_words_of
from digest.write.extractive.draft import HAN, SAME_EVENT, Draft, is_same_event, praises
from digest.write.extractive.pronouns import says_i, says_we
from digest.write.extractive.quotes import Quote, list_printable, score_quotes

ROOM = {"zh": 200, "en": 420}
"""Maximum total characters of the following sentences."""
MAX_CONSIDERED = 3
"""Sentences after the lead sentence that are considered."""
MIN_FOLLOWING, MAX_OPINION = -0.9, -0.3
"""Minimum margin of `stands_alone` and maximum margin of `view` of a following sentence: it need
not stand alone, and adds facts rather than opinion."""
MIN_UNFAMILIAR = -1.3
"""Minimum margin of `stands_alone` for topics that the heads do not know: "The trial lasts 18
months", which follows "Council votes to close Harbour Street", has -1.2."""
SAME_FACT = 0.70
"""Cosine from which a sentence repeats the lead sentence."""


def list_following(draft: Draft, story: Story, lead: Quote, most: int) -> list[Quote]:
    """Return the sentences that follow the lead sentence in its post, or, if none do, those after a
    sentence about the same event in another post of the story in the same language."""
    others = (
        quote
        for quote in draft.list_quotes(story)
        if quote.post is not lead.post
        and quote.sentence.language == lead.sentence.language
        and float(quote.vector @ lead.vector) >= SAME_EVENT
        and is_same_event(lead, quote)
    )
    least = MIN_UNFAMILIAR if draft.is_unfamiliar else MIN_FOLLOWING
    followings = (_list_behind(lead, quote, most, least) for quote in chain([lead], others))
    return next(filter(None, followings), [])


def _list_behind(lead: Quote, quote: Quote, most: int, least: float) -> list[Quote]:
    """Return the sentences after `quote` that may follow the lead, within the room for them;
    `least` is their minimum fitness."""
    room = ROOM["zh" if lead.sentence.language in HAN else "en"]
    colon = next((sign for sign in quote.text if sign in ":："), "")
    heading = quote.text.partition(colon or ":")[0]
    behind = quote.sentence.place + 1
    following: list[Quote] = []
    for sentence in quote.sentence.reading.sentences[behind : behind + MAX_CONSIDERED]:
        is_own = quote is lead and says_we(lead.text)
        is_voice = says_we(sentence.text) and not is_own  # the author speaks, not the news maker
        is_list = bool(colon) and sentence.text.startswith(f"{heading}{colon}")  # repeated heading
        fits = len(following) < most and len(sentence.text) <= room
        if is_list or is_voice or not fits or not list_printable([sentence], alone=False):
            continue
        (other,) = score_quotes([sentence])
        if other.fitness >= least and continues(other, lead):
            following.append(other)
            room -= len(sentence.text)
    return following


def continues(quote: Quote, lead: Quote) -> bool:
    """Return True if a sentence may follow the lead: it contains no opinion, invitation, praise or
    "I", does not repeat the lead, and does not begin other news."""
    return (
        quote.opinion <= MAX_OPINION
        and float(quote.vector @ lead.vector) < SAME_FACT
        and not _is_other_news(quote.sentence, lead.sentence)
        and not begins_with(quote.text, "sentences", "invitations", "surprises", "feelings")
        and not (praises(quote.text) or says_i(quote.text))
    )


def _is_other_news(sentence: Sentence, lead: Sentence) -> bool:
    """Return True if a sentence shares no name with the lead and begins with a name that releases
    something, or in lower case: "also many LoRAs of Kite dropped"."""
    if not sentence.names or sentence.name_keys & lead.name_keys:
        return False
    releases = count_words_of(sentence.text, "acts", "release", "open")
    begins = any(sentence.text.startswith(name.text) for name in sentence.names)
    return sentence.text[0].islower() or bool(begins and releases)
