"""What can go wrong on the client's side. Each message says what happened and what to do."""


class ClientError(Exception):
    """Root of the client's errors."""


class Unreachable(ClientError):
    """Raised when no server answers at the address, or the connection breaks off."""


class NotOurServer(ClientError):
    """Raised when something answers that is not a cxr-batch server."""


class Refused(ClientError):
    """Raised when the server answers with an error; the message is its problem document's detail.

    `status` is the HTTP status, `code` names the case for programs.
    """

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class UnreadableFile(ClientError):
    """Raised before an upload when a file of it cannot be read."""


class FileChanged(ClientError):
    """Raised when a file's size changes between its collection and the end of its upload."""
