"""Who is calling and what they may do: staff by OIDC bearer token, services by service token, the public by neither."""

from shared.auth.dependencies import FromService, Staff, caller
from shared.auth.errors import Forbidden, IdentityUnavailable, Unauthenticated
from shared.auth.issuer import DevelopmentIssuer
from shared.auth.keys import LocalKeys, RemoteKeys
from shared.auth.people import Grant, Principal, Role, ServiceCaller
from shared.auth.service_token import ServiceTokens
from shared.auth.verifier import TokenVerifier

__all__ = [
    "DevelopmentIssuer",
    "Forbidden",
    "FromService",
    "Grant",
    "IdentityUnavailable",
    "LocalKeys",
    "Principal",
    "RemoteKeys",
    "Role",
    "ServiceCaller",
    "ServiceTokens",
    "Staff",
    "TokenVerifier",
    "Unauthenticated",
    "caller",
]
