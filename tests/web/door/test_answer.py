"""One call of a WSGI application: what it holds is freed, however the call ends."""

import pytest

from web.door.answer import Answer


class Body:
    """Pieces of an answer; an exception among them is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = iter(pieces)
        self.closed = 0

    def __iter__(self) -> "Body":
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed += 1


def answer_of(body: Body) -> Answer:
    def app(environ, start):
        start("200 OK", [])
        return body

    return Answer(app, {})


def test_an_answer_is_its_pieces():
    answer = answer_of(Body(b"one", b"two"))
    assert (answer.begin(), answer.status, answer.ended) == (b"onetwo", 200, True)


def test_a_body_that_fails_in_its_first_block_is_closed():
    body = Body(b"one", ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        answer_of(body).begin()
    assert body.closed == 1


def test_an_application_that_fails_has_nothing_to_close():
    def app(environ, start):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Answer(app, {}).begin()
