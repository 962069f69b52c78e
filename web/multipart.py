"""A multipart/form-data body as a stream of parts: at most one chunk is in memory at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Request
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from web.errors import InvalidUpload

# The server's socket likes large reads, the parser small pieces: it searches all that it holds.
READ_BYTES = 1024 * 1024
CHUNK_BYTES = 64 * 1024
BUFFER_BYTES = 4 * CHUNK_BYTES  # also bounds the headers of a part


@dataclass(frozen=True)
class Part:
    """One part of the body. `chunks` must be read to its end before the next part is asked for."""

    name: str
    filename: str | None
    chunks: Iterator[bytes]


def parts(request: Request) -> Iterator[Part]:
    """The parts of the request's body as they arrive.

    Raises InvalidUpload for a body that is not well-formed, RequestEntityTooLarge over the limit,
    ClientDisconnected when the sender went away.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if not boundary or not boundary.isascii():
        raise InvalidUpload("The Content-Type multipart/form-data has no valid boundary.")
    events = _events(request, MultipartDecoder(boundary.encode(), BUFFER_BYTES))
    for event in events:
        if isinstance(event, Field | File):
            filename = event.filename if isinstance(event, File) else None
            yield Part(event.name or "", filename, _chunks(events))


def _chunks(events: Iterator) -> Iterator[bytes]:
    for event in events:
        yield event.data
        if not event.more_data:
            return


def _events(request: Request, decoder: MultipartDecoder) -> Iterator[Field | File | Data]:
    received = _received(request)
    try:
        while True:
            event = decoder.next_event()
            if isinstance(event, Epilogue):
                return
            if isinstance(event, NeedData):
                # None tells the decoder that the body ended.
                decoder.receive_data(next(received, None))
            elif isinstance(event, Field | File | Data):
                yield event
    except ValueError as error:
        raise InvalidUpload(
            "The multipart body is broken or ends too early. Send it again."
        ) from error


def _received(request: Request) -> Iterator[bytes]:
    while block := request.stream.read(READ_BYTES):
        for start in range(0, len(block), CHUNK_BYTES):
            yield block[start : start + CHUNK_BYTES]
