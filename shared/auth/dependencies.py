"""What a route asks for: `Staff` (a Principal) or `FromService` (another service of the house).

`caller` reads whoever is there without insisting; the unit of work uses it to name its actor. A token that is
present but does not hold is refused everywhere, also on public routes: nobody is silently taken for the public.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.security.base import SecurityBase

from shared.auth.errors import Unauthenticated
from shared.auth.people import Principal, ServiceCaller

SERVICE_HEADER = "Lantai-Service-Token"
KNOWN = "lantai.caller"


async def caller(request: Request) -> Principal | ServiceCaller | None:
    """Return who calls; None is the public. Called, since a dependency is solved anew wherever it stands."""
    if KNOWN not in request.scope:
        request.scope[KNOWN] = await _asked(request)
    known: Principal | ServiceCaller | None = request.scope[KNOWN]
    return known


async def _asked(request: Request) -> Principal | ServiceCaller | None:
    deps = request.app.state.deps
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("请使用 Bearer 令牌。")
        principal: Principal = await deps.verifier.verify(token.strip())
        return principal
    service_token = request.headers.get(SERVICE_HEADER)
    if service_token is not None:
        service: ServiceCaller = deps.service_tokens.verify(service_token)
        return service
    return None


class _StaffDoor(SecurityBase):
    """Insists on a member of staff. Scheme and check are one dependency, since every dependency costs each request."""

    scheme_name = "bearer"
    model = HTTPBearer(bearerFormat="JWT", description="工作人员的 OIDC 访问令牌")

    async def __call__(self, request: Request) -> Principal:
        who = await caller(request)
        if isinstance(who, Principal):
            return who
        raise Unauthenticated("此接口仅供工作人员使用，请先登录。")


class _ServiceDoor(SecurityBase):
    """Insists on another service of the house."""

    scheme_name = "service"
    model = APIKey(**{"in": APIKeyIn.header}, name=SERVICE_HEADER, description="服务间调用凭证")

    async def __call__(self, request: Request) -> ServiceCaller:
        who = await caller(request)
        if isinstance(who, ServiceCaller):
            return who
        raise Unauthenticated("此接口仅供内部服务调用。")


Staff = Annotated[Principal, Depends(_StaffDoor())]
FromService = Annotated[ServiceCaller, Depends(_ServiceDoor())]
