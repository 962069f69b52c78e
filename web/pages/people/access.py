"""Access to the clinic, for its admins: people, tokens, sessions."""

from collections.abc import Iterable

from apiflask import APIBlueprint
from flask import g, render_template, request

from web.auth.permissions import permits
from web.auth.requests import clinic_id, doer, principal
from web.errors import InvalidForm
from web.language.asked import _
from web.pages.frame.forms import done
from web.services import services
from worker.access import SCOPE_MEANS, PrincipalKind, Role, Scope

blueprint = APIBlueprint("access", __name__, enable_openapi=False, url_prefix="/access")

# What a clinic's admin may give away; an operator sees all clinics and comes from `cxr invite`.
ROLES = (Role.READER, Role.UPLOADER, Role.ADMIN)
SCOPES = tuple(scope for scope in Scope if scope is not Scope.OPERATE)
EXPIRES_DAYS = (30, 90, 365)
MAX_NAME = 200


@blueprint.get("")
@permits(Scope.ADMIN)
def show():
    return _page()


@blueprint.post("/invitations")
@permits(Scope.ADMIN)
def invite():
    secret = services().store.invite(principal().clinic.name, roles := _roles())
    g.audit_detail = {"roles": " ".join(roles)}
    return _page(link=_address(secret), link_is="invitation")


@blueprint.post("/people/<int:person_id>/roles")
@permits(Scope.ADMIN)
def set_roles(person_id: int):
    roles = _roles()
    if _is_me(person_id) and Role.ADMIN not in roles:
        raise InvalidForm(
            _("You cannot take the role of an admin from yourself. Ask another admin.")
        )
    services().store.set_roles(person_id, clinic_id(), roles, doer())
    g.audit_detail = {"roles": " ".join(roles)}
    return done(_("The roles are changed."))


@blueprint.post("/people/<int:person_id>/disable")
@permits(Scope.ADMIN)
def disable(person_id: int):
    if _is_me(person_id):
        raise InvalidForm(_("You cannot shut yourself out. Ask another admin."))
    services().store.set_disabled(person_id, clinic_id(), True, doer())
    return done(_("This person cannot sign in any more, and their sessions have ended."))


@blueprint.post("/people/<int:person_id>/enable")
@permits(Scope.ADMIN)
def enable(person_id: int):
    services().store.set_disabled(person_id, clinic_id(), False, doer())
    return done(_("This person can sign in again."))


@blueprint.post("/people/<int:person_id>/password")
@permits(Scope.ADMIN)
def password_link(person_id: int):
    secret = services().store.password_link(person_id, clinic_id(), doer())
    return _page(link=_address(secret), link_is="password")


@blueprint.post("/people/<int:person_id>/second-factor/reset")
@permits(Scope.ADMIN)
def reset_second_factor(person_id: int):
    """For somebody who lost the phone and the recovery codes. One's own needs the password."""
    if _is_me(person_id):
        raise InvalidForm(_("You cannot reset your own second factor. Ask another admin."))
    services().store.reset_second_factor(person_id, clinic_id(), doer())
    return done(_("The second factor is removed, and the person's sessions have ended."))


@blueprint.post("/tokens")
@permits(Scope.ADMIN)
def create_token():
    scopes = _chosen("scopes", Scope, SCOPES)
    if not scopes:
        raise InvalidForm(_("A token needs at least one scope."))
    days = request.form.get("expires", "")
    if days and days not in map(str, EXPIRES_DAYS):
        raise InvalidForm(
            _(
                "A token ends after one of %(days)s days, or never.",
                days=", ".join(map(str, EXPIRES_DAYS)),
            )
        )
    name = request.form.get("name", "").strip()[:MAX_NAME]
    made, secret = services().store.create_token(
        principal().clinic.name, scopes, name, float(days) if days else None, doer()
    )
    g.audit_detail = {"token": made.id, "scopes": " ".join(made.scopes)}
    return _page(token=secret)


@blueprint.post("/tokens/<int:token_id>/revoke")
@permits(Scope.ADMIN)
def revoke_token(token_id: int):
    services().store.revoke_token(token_id, clinic_id(), doer())
    return done(_("The token is revoked, and its sessions have ended."))


@blueprint.post("/sessions/<int:session_id>/end")
@permits(Scope.ADMIN)
def end_session(session_id: int):
    services().store.end_session_in_clinic(session_id, clinic_id(), doer())
    return done(_("The session has ended."))


def _page(**shown: str) -> str:
    """shown: a link or a token, in the answer to the form itself: it is kept nowhere, so no other
    request could show it."""
    store = services().store
    return render_template(
        "access.html",
        people=store.people(clinic_id()),
        tokens=sorted(store.tokens(clinic_id()), key=lambda token: token.state != "active"),
        sessions=store.sessions_of_clinic(clinic_id()),
        roles=ROLES,
        scopes={scope: SCOPE_MEANS[scope] for scope in SCOPES},
        expires_days=EXPIRES_DAYS,
        me=principal().id if principal().kind is PrincipalKind.PERSON else None,
        **shown,
    )


def _roles() -> list[Role]:
    """Those that were ticked. Raises InvalidForm."""
    roles = _chosen("roles", Role, ROLES)
    if not roles:
        raise InvalidForm(_("A person needs at least one role."))
    return roles


def _chosen(field: str, kind: type, allowed: Iterable) -> list:
    ticked = set(request.form.getlist(field))
    unknown = ticked - set(allowed)
    if unknown:
        raise InvalidForm(
            _(
                "The field `%(field)s` must be some of %(allowed)s.",
                field=field,
                allowed=", ".join(allowed),
            )
        )
    return [one for one in kind if one in ticked]


def _is_me(person_id: int) -> bool:
    return principal().kind is PrincipalKind.PERSON and principal().id == person_id


def _address(secret: str) -> str:
    return f"{request.host_url}sign-in?link={secret}"
