"""What lets the tests in: one token for every clinic of theirs, one secret for every server."""

TOKEN = "a-token-for-the-tests"
SECRET_KEY = "a-secret-for-the-tests"
