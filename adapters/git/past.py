"""How is the history of a GitSource's repository read?

As commits, trees and files by id, in the bare repository of the source; nothing is checked out, and what somebody wrote
into a commit is never an argument of git.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from adapters.git.allowed import checked_path
from adapters.git.command import Call
from adapters.git.mirror import Limits, Mirror, is_spec
from adapters.git.source import GitSpecSource, Server
from rollout.model.source import GitSource
from rollout.ports.errors import Rejected, Unreachable
from rollout.ports.past import Ancestor, Blob, FileChange, Past, Written
from rollout.ports.sources import Credentials

MOST_COMMITS = 20_000  # of one history
_LISTED = 16_000_000  # bytes of one answer: 100,000 changes, or all commits that we look at with their parents
_MOST_COMMIT = 1_000_000  # bytes of a commit object, as where its signature is judged
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # which git knows without having it
_PLAIN = "100"  # how the mode of a file begins that is neither symlink nor submodule
_RAW = ("--stdin", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv")
# gitformat-commit: no angle bracket may be in a name or an address, which git and its checks both keep to
_PERSON = re.compile(r"([^<>\n]*<[^<>\n]*>) -?\d+ [+-]\d+")


class GitPast:
    """SpecPast on the mirrors of `git`; it may hold them as long as one call may last."""

    def __init__(self, git: GitSpecSource, limits: Limits | None = None) -> None:
        self._git = git
        self._limits = limits or Limits()
        self._depths: dict[Mirror, tuple[str, int]] = {}  # the last fetch: it decides where history ends

    async def past(self, source: GitSource, credentials: Credentials, commit: str, depth: int) -> Past:
        """`commit` and at most 20,000 of its ancestors; the server is asked only for what is not here."""

        def work(mirror: Mirror, server: Server) -> Past:
            ref, known = self._depths.get(mirror, ("", 0))
            if mirror.has(server.call, commit):
                past = _past(mirror, server.call, commit)
                if not past.ends or (ref == source.ref and known >= depth):
                    return past
            # what was fetched deeper before stays so, or the next question would fetch all of it again
            wanted = max(depth, known if ref == source.ref else 0)
            server.fetched(mirror, wanted)
            self._depths[mirror] = (source.ref, wanted)
            if not mirror.has(server.call, commit):
                raise Unreachable(
                    f"{source.url}: {source.ref} has moved away from {commit[:12]}; the next commit is asked about"
                )
            return _past(mirror, server.call, commit)

        return await self._git.at_mirror(source, credentials, (commit,), work)

    async def changes(
        self, source: GitSource, credentials: Credentials, trees: Sequence[tuple[str, str]]
    ) -> tuple[tuple[FileChange, ...], ...]:
        """For each pair of trees what became of the spec files of the first in the second."""
        folder = checked_path(source.path)
        pairs = [(before or _EMPTY_TREE, after or _EMPTY_TREE) for before, after in trees]
        asked = "".join(f"{before} {after}\n" for before, after in pairs).encode()

        def work(mirror: Mirror, server: Server) -> tuple[tuple[FileChange, ...], ...]:
            where = ["--", folder] if folder else []
            output = mirror.local(server.call, ["diff-tree", *_RAW, *where], stdin=asked, most=_LISTED)
            if output.code != 0:
                raise Unreachable(f"what changed in {source.url} cannot be read: {output.error[:200]}")
            found = tuple(_changes(output.out, f"{folder}/" if folder else ""))
            if len(found) != len(pairs):
                raise Unreachable(f"what changed in {source.url} cannot be read: git left something out")
            return found

        ids = tuple(one for pair in pairs for one in pair)
        return await self._git.at_mirror(source, credentials, ids, work)

    async def contents(
        self, source: GitSource, credentials: Credentials, blobs: Sequence[Blob]
    ) -> Mapping[Blob, bytes]:
        """What the files hold; those that are larger than a spec file may be are left out."""

        def work(mirror: Mirror, server: Server) -> Mapping[Blob, bytes]:
            sizes = _sizes(mirror, server.call, blobs)
            small = {blob: size for blob, size in sizes.items() if size <= self._limits.file_bytes}
            found: dict[Blob, bytes] = {}
            for part in _parts(small, self._limits.total_bytes):
                found.update(zip(part, mirror.contents(server.call, part), strict=True))
            return found

        return await self._git.at_mirror(source, credentials, tuple(blobs), work)

    async def written(self, source: GitSource, credentials: Credentials, commits: Sequence[str]) -> tuple[Written, ...]:
        """Whom each of the commits names; Rejected when a commit is larger than we read."""

        def work(mirror: Mirror, server: Server) -> tuple[Written, ...]:
            for commit, size in _sizes(mirror, server.call, commits).items():
                if size > _MOST_COMMIT:
                    raise Rejected(f"commit {commit[:12]} has {size} bytes, at most {_MOST_COMMIT} are read")
            objects = mirror.contents(server.call, list(commits))
            return tuple(_written(commit, raw) for commit, raw in zip(commits, objects, strict=True))

        return await self._git.at_mirror(source, credentials, tuple(commits), work)


def _past(mirror: Mirror, call: Call, commit: str) -> Past:
    arguments = ["log", "--topo-order", "--no-show-signature", f"--max-count={MOST_COMMITS}", "--format=%H %T %P"]
    said = mirror.local(call, [*arguments, commit, "--"], most=_LISTED)
    if said.code != 0:
        raise Unreachable(f"the history of {commit[:12]} cannot be read: {said.error[:200]}; it is fetched again")
    lines = [line.split() for line in said.out.decode("ascii").splitlines()]
    commits = tuple(Ancestor(commit=words[0], tree=words[1], parents=tuple(words[2:])) for words in lines)
    return Past(commits=commits, ends=mirror.ends() & {ancestor.commit for ancestor in commits})


def _changes(said: bytes, before: str) -> Iterator[tuple[FileChange, ...]]:
    """One tuple for each line of two trees in the answer of `diff-tree --stdin -z`. before: of the paths that count."""
    position, changes, is_open = 0, list[FileChange](), False
    while position < len(said):
        if said[position : position + 1] != b":":
            if is_open:
                yield tuple(changes)
            position, changes, is_open = said.index(b"\n", position) + 1, [], True
            continue
        middle = said.index(b"\0", position)
        end = said.index(b"\0", middle + 1)
        about, name, position = said[position:middle], said[middle + 1 : end], end + 1
        old_mode, new_mode, old, new, _ = about[1:].decode("ascii").split(" ")
        path = name.decode("utf-8", "surrogateescape")
        if is_spec(path.removeprefix(before)):
            changes.append(FileChange(path=path, before=_blob(old_mode, old), after=_blob(new_mode, new)))
    if is_open:
        yield tuple(changes)


def _blob(mode: str, object_id: str) -> Blob:
    return object_id if mode.startswith(_PLAIN) else ""


def _sizes(mirror: Mirror, call: Call, objects: Sequence[str]) -> dict[str, int]:
    """Bytes of each object; Unreachable when one is missing."""
    asked = "".join(f"{one}\n" for one in objects).encode()
    said = mirror.local(call, ["cat-file", "--batch-check"], stdin=asked, most=_LISTED).out.decode("ascii", "replace")
    sizes = {words[0]: int(words[2]) for line in said.splitlines() if len(words := line.split(" ")) == 3}
    if absent := [one for one in objects if one not in sizes]:
        raise Unreachable(f"object {absent[0]} is missing in the local copy; it is fetched again")
    return sizes


def _parts(sizes: Mapping[str, int], most: int) -> Iterator[list[str]]:
    """The objects in the order given, so many at a time that they have at most `most` bytes together."""
    part, total = list[str](), 0
    for one, size in sizes.items():
        if part and total + size > most:
            yield part
            part, total = [], 0
        part.append(one)
        total += size
    if part:
        yield part


def _written(commit: str, raw: bytes) -> Written:
    header, _, message = raw.decode("utf-8", "replace").partition("\n\n")
    people: dict[str, str] = {}
    for line in header.split("\n"):
        word, _, rest = line.partition(" ")
        if word in ("author", "committer") and word not in people:  # git, too, believes the first
            person = _PERSON.fullmatch(rest)
            people[word] = person[1] if person else ""
    return Written(
        commit=commit, author=people.get("author", ""), committer=people.get("committer", ""), message=message
    )
