"""What is asked of a text, and its one reading: every byte passes once, is hashed, counted and decoded on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from charloop.data.decoding import Errors, Tally, decode
from charloop.data.pieces import Piece
from charloop.data.progress import Meter, MeteredDigest
from charloop.data.vocabulary import Unit, Unknown, Vocabulary


@dataclass(frozen=True)
class Request:
    """All that decides the tokens of a text."""

    pieces: tuple[Piece, ...]
    encoding: str
    unit: Unit
    vocabulary: Vocabulary | None
    unknown: Unknown
    errors: Errors = "strict"
    min_count: int = 1

    @property
    def name(self) -> str:
        """What messages call the whole of it."""
        return self.pieces[0].name if len(self.pieces) == 1 else f"the text of {len(self.pieces):,} files"

    @property
    def key_parts(self) -> tuple[object, ...]:
        """What, beside the content, tells one tokenisation from another."""
        if self.unit == "byte":
            return ("byte",)
        encodings = tuple(piece.encoding or self.encoding for piece in self.pieces)
        if self.vocabulary:
            return encodings, self.errors, self.vocabulary.fingerprint, self.unknown
        return encodings, self.errors, self.min_count

    @property
    def as_learned(self) -> "Request":
        """The request that may have made this one's vocabulary: its tokens are the same then."""
        min_count = self.vocabulary.min_count if self.vocabulary else self.min_count
        return replace(self, vocabulary=None, min_count=min_count)


@dataclass
class Reader:
    """What is found out about a text while it is read, from its first byte to its last."""

    request: Request
    meter: Meter
    tally: Tally = field(default_factory=Tally)
    digests: list[str] = field(default_factory=list)
    """The sha256 of each piece that has been read to its end."""
    size: int = 0
    """Bytes of these pieces."""

    def blocks(self) -> Iterator[bytes]:
        """The bytes of all pieces."""
        for piece in self.request.pieces:
            digest = MeteredDigest(self.meter)
            yield from piece.blocks(digest=digest)
            self._end(digest)

    def texts(self) -> Iterator[tuple[Piece, str]]:
        """Blocks of characters, none of them empty; a piece that does not end its last line has it ended."""
        request, vocabulary = self.request, self.request.vocabulary
        has_line_ends = vocabulary is None or vocabulary.unknown_id is not None or "\n" in vocabulary.symbols
        joint = "\n" if has_line_ends else ""
        previous, last = None, "\n"
        for piece in request.pieces:
            digest = MeteredDigest(self.meter)
            decoded = decode(piece, request.encoding, errors=request.errors, tally=self.tally, digest=digest)
            for text in filter(None, decoded):
                if previous is not None and previous is not piece and last != "\n" and joint:
                    yield previous, joint
                previous, last = piece, text[-1]
                yield piece, text
            self._end(digest)

    def _end(self, digest: MeteredDigest) -> None:
        self.digests.append(digest.hexdigest())
        self.size += digest.size
