"""Made-up text whose words have the frequencies of a natural language, so that it compresses like one."""

import itertools
import json

SYLLABLES = (
    "ba be bi bo ca ce co da de di do fa fe ga ge go ha he ho in is la le li lo ma me mi mo na ne no on or "
    "pa pe po ra re ri ro sa se si so ta te ti to un va ve vi wa we"
).split()
ENDINGS = ("n", "s", "t", "r", "l", "ng", "ed", "ly")
WORDS = 6000


class Prose:
    """A vocabulary, and sentences of it."""

    def __init__(self, random):
        # Short words are the frequent ones.
        self.vocabulary = sorted(_vocabulary(random), key=len)
        weights = (1.0 / (rank + 2.7) for rank in range(len(self.vocabulary)))
        self.cumulative = list(itertools.accumulate(weights))

    def words(self, random, count):
        return random.choices(self.vocabulary, cum_weights=self.cumulative, k=count)

    def sentences(self, random, length):
        """Exactly `length` characters, cut where they end."""
        parts, size = [], 0
        while size < length:
            sentence = " ".join(self.words(random, random.randint(6, 18))).capitalize()
            sentence += random.choice((".", ".", ".", "?", ",", ":"))
            if random.random() < 0.08:
                sentence += "\n\n"
            parts.append(sentence)
            size += len(sentence) + 1
        return " ".join(parts)[:length]

    def json_object(self, random, length):
        """The text of a JSON object of about `length` bytes, as arguments and results of tools are."""
        members, size = {}, 0
        while size < length:
            name = "_".join(self.words(random, 2))
            members[name] = self._json_value(random, length - size)
            if len(members) < 3:
                size = len(json.dumps(members))
            else:
                size += len(name) + len(json.dumps(members[name])) + 6
        return json.dumps(members).encode()

    def _json_value(self, random, room):
        choice = random.random()
        if choice < 0.45:
            return self.sentences(random, min(room + 10, random.randint(20, 300)))
        if choice < 0.6:
            return random.randint(0, 10 ** random.randint(1, 9))
        if choice < 0.7:
            return random.random()
        if choice < 0.78:
            return random.random() < 0.5
        if choice < 0.9:
            return [self.words(random, 1)[0] for _ in range(random.randint(1, 8))]
        return {
            "id": random.randbytes(8).hex(),
            "name": " ".join(self.words(random, 2)),
            "score": round(random.random(), 4),
        }


def _vocabulary(random):
    # A dictionary for its order: the same words in the same order on every run.
    found = {}
    while len(found) < WORDS:
        syllables = random.choice((1, 2, 2, 3, 3, 4))
        word = "".join(random.choice(SYLLABLES) for _ in range(syllables))
        if random.random() < 0.35:
            word += random.choice(ENDINGS)
        found[word] = None
    return found
