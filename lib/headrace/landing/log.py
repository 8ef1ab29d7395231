"""The landing log of a feed: numbered entries, each created exclusively, and an index that makes reading it cheap.

Entry 7 is ``raw/<feed>/_landings/00000000000000000007.json``. Only one process can create it, after it has seen entry
6, so no landing is lost and none overwrites what it has not seen. ``index.json`` beside the entries is only a cache.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from headrace.errors import ArtefactError, HeadraceError
from headrace.frozen import FrozenModel
from headrace.landing.entry import Entry, Record, Withdrawn
from headrace.landing.older import older_records
from headrace.landing.state import Day, State
from headrace.storage import Place, both, files_after, for_each, read_tagged, records, replace_if

FOLDER, INDEX, DIGITS = "_landings", "index.json", 20


class Index(FrozenModel):
    """The state of a feed's log after the entry ``number``. It counts only if that entry has the same token."""

    feed: str
    number: int
    token: str
    deliveries: tuple[Record, ...]
    withdrawn: tuple[Withdrawn, ...]

    @property
    def state(self) -> State:
        deliveries: dict[Day, tuple[Record, ...]] = {}
        for record in self.deliveries:
            deliveries[record.day] = (*deliveries.get(record.day, ()), record)
        withdrawn: dict[Day, tuple[Withdrawn, ...]] = {}
        for one in self.withdrawn:
            withdrawn[one.record.day] = (*withdrawn.get(one.record.day, ()), one)
        return State(self.number, self.token, deliveries, withdrawn)


@dataclass(frozen=True)
class Found:
    """The state of a log when it was read, with the number and the tag of the index that helped."""

    state: State
    indexed: int = 0
    tag: str | None = None


@dataclass(frozen=True)
class Log:
    """The landing log of one feed."""

    raw: Place
    feed: str

    @property
    def folder(self) -> Place:
        return self.raw / self.feed / FOLDER

    def read(self) -> Found:
        """The log's state now: it takes three requests, two of them at the same time, and one for each later entry.

        Raises:
            ArtefactError: an entry is missing, or was changed.
            BadInputError: there is no log yet, and a record of an earlier version of Headrace is damaged.
        """
        content, tag = read_tagged(self.folder / INDEX) or (b"", None)
        if index := self._index(content):
            number = index.number
            indexed, later = both(self.raw, lambda: self._entry(number), lambda: self.entries(number + 1))
            if indexed.token == index.token:
                return Found(index.state.after(later), number, tag)
        state = State().after(self.entries())
        if state.number == 0:
            state = State(deliveries={record.day: (record,) for record in older_records(self.raw, self.feed)})
        return Found(state, 0, tag)

    def entries(self, first: int = 1) -> list[Entry]:
        """The entries from a number on.

        Raises:
            ArtefactError: an entry is missing, or was changed.
        """
        files = [file for file in files_after(self.folder, _name(first - 1)) if file.stem.isdigit()]
        for number, file in enumerate(files, first):
            if file.name != _name(number):
                raise self._missing(number)
        return for_each(self.raw, _read, files)

    def append(self, state: State, landed: tuple[Record, ...] = (), withdrawn: tuple[Withdrawn, ...] = ()) -> State:
        """Add the entry that follows on a state; returns the state after it.

        Raises:
            FileExistsError: another process has added an entry since.
        """
        entry = Entry(number=state.number + 1, landed=landed, withdrawn=withdrawn)
        records.create(self.folder / _name(entry.number), entry)
        return state.after([entry])

    def take_over(self, state: State) -> State:
        """Make the records of an earlier version of Headrace the first entry, if there is no log yet."""
        if state.number > 0 or not state.standing:
            return state
        try:
            return self.append(state, tuple(state.standing.values()))
        except FileExistsError:  # another process has begun the log
            return self.read().state

    def renew_index(self, found: Found, state: State) -> None:
        """Write the index of a state, unless it has one, or another process wrote an index since then.

        A failure to write it raises nothing, because the entries stand without it.
        """
        if state.number == found.indexed:
            return
        index = Index(
            feed=self.feed,
            number=state.number,
            token=state.token,
            deliveries=tuple(record for day in state.deliveries.values() for record in day),
            withdrawn=tuple(one for day in state.withdrawn.values() for one in day),
        )
        with suppress(HeadraceError, OSError):
            replace_if(self.folder / INDEX, records.seal(index, indent=None), found.tag)

    def _index(self, content: bytes) -> Index | None:
        """The index, or None if it is damaged, belongs to another feed, or an earlier version of Headrace wrote it."""
        with suppress(ArtefactError):
            index = records.unseal(content, Index, self.folder / INDEX)
            return index if index.feed == self.feed else None
        return None

    def _entry(self, number: int) -> Entry:
        try:
            return _read(self.folder / _name(number))
        except FileNotFoundError:
            raise self._missing(number) from None

    def _missing(self, number: int) -> ArtefactError:
        return ArtefactError(f"{self.folder / _name(number)} is missing", "Restore it from a backup")


def _read(file: Place) -> Entry:
    entry = records.read(file, Entry)
    if file.name != _name(entry.number):
        raise ArtefactError(f"{file} is a copy of entry {entry.number}", "Restore it from a backup")
    return entry


def _name(number: int) -> str:
    return f"{number:0{DIGITS}d}.json"
