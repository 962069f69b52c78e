"""Access tokens of the clinic's programs, so that they can be renewed by a program."""

from apiflask import APIBlueprint
from flask import g

from web.api.inputs.tokens import TokenBody
from web.api.records.tokens import NewToken, Token, TokenList
from web.auth.permissions import permits
from web.auth.requests import clinic_id, doer, principal
from web.services import services
from worker.access import Scope

blueprint = APIBlueprint("tokens", __name__, tag="Tokens")


@blueprint.get("/tokens")
@permits(Scope.ADMIN)
@blueprint.output(TokenList)
def list_tokens():
    """List the clinic's access tokens

    The oldest first, with those that have ended, and never their secrets.
    """
    found = services().store.tokens(clinic_id())
    return TokenList(items=[Token.of(one) for one in found]).json_response


@blueprint.post("/tokens")
@permits(Scope.ADMIN)
@blueprint.input(TokenBody, location="json", arg_name="body")
@blueprint.output(NewToken, status_code=201)
def create_token(body):
    """Create an access token

    The answer is the only one that holds its secret, in `token`. To renew a token, create another
    one, give it to the program, and revoke the first.
    """
    clinic_id()
    made, secret = services().store.create_token(
        principal().clinic.name, body.scopes, body.name.strip(), body.expires_days, doer()
    )
    g.audit_detail = {"token": made.id, "scopes": " ".join(made.scopes)}
    response = NewToken(**dict(Token.of(made)), token=secret).json_response
    response.status_code = 201
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.delete("/tokens/<int:token_id>")
@permits(Scope.ADMIN)
@blueprint.output({}, status_code=204, description="It has ended, with its sessions.")
def revoke_token(token_id):
    """Revoke an access token

    It ends at once, and so do the sessions that were opened with it. One that has ended already
    stays as it is.
    """
    services().store.revoke_token(token_id, clinic_id(), doer())
    return "", 204
