# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tokenizer of uncased BERT models: text to numbers of a vocabulary.

Text is cleaned, lower-cased, freed from accents, cut at blanks and punctuation, and
each word cut into the longest pieces that the vocabulary holds, from the left;
pieces after a word's first begin with "##". [CLS] stands before, [SEP] after it.
Chinese characters and [MASK]-like tokens in the text get no treatment of their own.
"""

import unicodedata

MAX_WORD = 100  # characters; a longer word is unknown


class Tokenizer:
    def __init__(self, vocabulary: list[str]):
        self.numbers = {token: number for number, token in enumerate(vocabulary)}

    def encode(self, text: str) -> list[int]:
        """The numbers of [CLS], the pieces of `text`, and [SEP]."""
        pieces = [piece for word in split_words(text) for piece in self._cut(word)]
        return [self.numbers[token] for token in ("[CLS]", *pieces, "[SEP]")]

    def _cut(self, word: str) -> list[str]:
        if len(word) > MAX_WORD:
            return ["[UNK]"]
        pieces = []
        while word:
            prefix = "##" if pieces else ""
            for end in range(len(word), 0, -1):
                if prefix + word[:end] in self.numbers:
                    break
            else:
                return ["[UNK]"]
            pieces.append(prefix + word[:end])
            word = word[end:]
        return pieces


def split_words(text: str) -> list[str]:
    """Words and single punctuation characters."""
    plain = unicodedata.normalize("NFD", text.lower())
    words = [""]
    for character in plain:
        category = unicodedata.category(character)
        if character.isspace():
            words.append("")
        elif category == "Mn" or category.startswith("C"):
            continue  # accents; control characters
        elif is_punctuation(character):
            words += [character, ""]
        else:
            words[-1] += character
    return [word for word in words if word]


def is_punctuation(character: str) -> bool:
    """BERT also takes the symbols of ASCII, such as $ and +, for punctuation."""
    ascii_symbol = character.isascii() and character.isprintable() and not character.isalnum()
    return ascii_symbol or unicodedata.category(character).startswith("P")
