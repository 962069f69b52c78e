"""Accounts: clinics' tokens, people, sessions, links that work once; saved views."""

from worker.store.accounts.links import LinkVerbs
from worker.store.accounts.notices import NoticeVerbs
from worker.store.accounts.people import PersonVerbs
from worker.store.accounts.rules import RuleVerbs
from worker.store.accounts.saved_views import SavedViewVerbs
from worker.store.accounts.sessions import SessionVerbs
from worker.store.accounts.tokens import TokenVerbs


class AccountVerbs(
    TokenVerbs, SessionVerbs, LinkVerbs, PersonVerbs, RuleVerbs, SavedViewVerbs, NoticeVerbs
):
    pass
