"""The rules for prose: at most 25 words a sentence, and no phrase that a reader has to decode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_WORDS = 25

# Each pattern is wrong nearly always. The text beside it is what to write instead.
PHRASES = {
    r"as it should be": "up to date, or correct",
    r"surely": "significantly (of statistics), or leave it out",
    r"(set|sets|setting) (\w+ )?aside": "quarantine",
    r"no version came of": "that never registered a version",
    r"(tell|tells|told|telling) of": "report, or see",
    r"(that|those) of(?! (this|these|those|us|them|it)\b)": "name the thing again (the tests of, its tests)",
    r"of which": "a second sentence",
    r"be it( that| for)?": "if, or whether",
    r"(?<!version )(comes|came) of": "results from",
    r"that (is|are|was|were) none": "that is not one",
    r"shall": "must, or will",
    r"(to|for|by|with) who (is|are|has|have|was|does)": "to whoever, or to those who",
    r"(^|(?<=[.!?:] ))who (is|are|was|has)(?![^.!?]*\?)": "name the subject first (a killed process, the user)",
    r"(?<!there )(is|are|was|were) no(?= \w)(?! (long|more|few|less|small|great|larg|lat|earl|better|worse|other))": (
        "is not a, or have no"
    ),
    r"a look at": "reading, or checking",
    r"what is there": "what exists",
    r"(is|are|was|were) there already": "exists already",
    r"but for": "except",
    r"anew": "again",
    r"held against": "checked against",
    r"(was|is|are|were) done ever": "has never completed",
    r"does not do it": "failed (Kubernetes API request failed)",
    r"to be had": "available",
    r"(for|in) want of": "without",
    r"(whereof|thereof|therein|wherein|hereby|hereof|whence|thence|thereby|lest|unto)": "a modern word",
    r"so that nothing is": "which leaves nothing",
    r"it is (he|she|they|one) (who|that)": "name the subject first",
}
BANNED = [(re.compile(rf"(?i)(?<![\w-])(?:{pattern})(?![\w-])"), advice) for pattern, advice in PHRASES.items()]

# An abbreviation's full stop does not end a sentence.
ABBREVIATION = re.compile(r"(?i)(^|[\s(])(e\.g|i\.e|vs|cf|ca|approx|incl)\.$")
END_OF_SENTENCE = re.compile(r"[.!?][\"')\]]*(?=\s|$)")

# Each is replaced before words are counted, by a word for code and by its text for a link.
INLINE = [
    (re.compile(r":\w+:`[^`]+`"), "code"),
    (re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL), "code"),
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),
    (re.compile(r"\[([^\]]+)\](\([^)]*\)|\[[^\]]*\])"), r"\1"),
    (re.compile(r"<[^>\s][^>]*>"), ""),
    (re.compile(r"\*\*|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)"), ""),
]


@dataclass(frozen=True)
class Block:
    """A piece of prose whose sentences do not continue elsewhere: a paragraph, a list item, a table cell, a comment.

    ``text`` has a newline where the file has one, so that ``line`` is the number of its first line. A message is
    checked for phrases only: its length depends on what is filled in.
    """

    line: int
    text: str
    message: bool = False


@dataclass(frozen=True)
class Finding:
    """What is wrong with one line, and what to write instead."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def plain(text: str) -> str:
    """The text without markup. It has as many lines as before."""
    for pattern, replacement in INLINE:

        def replace(match: re.Match[str], replacement: str = replacement) -> str:
            new = match.expand(replacement)
            return new + "\n" * (match[0].count("\n") - new.count("\n"))

        text = pattern.sub(replace, text)
    return text


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Each sentence with the offset of its first letter."""
    start = 0
    for end in END_OF_SENTENCE.finditer(text):
        if ABBREVIATION.search(text[start : end.start() + 1]):
            continue
        yield start + _leading_space(text[start:]), text[start : end.end()].strip()
        start = end.end()
    if rest := text[start:].strip():
        yield start + _leading_space(text[start:]), rest


def findings_in(file: str, block: Block) -> Iterator[Finding]:
    """Every sentence that is too long and every banned phrase of a block."""
    text = plain(block.text)
    if not block.message:
        for offset, sentence in sentences(text):
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if len(words) > MAX_WORDS:
                line = block.line + text.count("\n", 0, offset)
                start = " ".join(words[:6])
                what = f'a sentence has {len(words)} words: "{start} ..."; split it, {MAX_WORDS} words at most'
                yield Finding(file, line, what)
    one_line = text.replace("\n", " ")
    for pattern, advice in BANNED:
        for match in pattern.finditer(one_line):
            line = block.line if block.message else block.line + text.count("\n", 0, match.start())
            yield Finding(file, line, f'"{match[0].strip()}" has to be decoded; write: {advice}')


def _leading_space(text: str) -> int:
    return len(text) - len(text.lstrip())
