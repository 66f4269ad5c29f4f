"""The development issuer's own small application: discovery, keys, and a token for whoever asks."""

from typing import Any
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from shared.auth.issuer import ALGORITHM, LIFETIME_SECONDS, DevelopmentIssuer
from shared.auth.people import Grant, Role


class RoleAtAgency(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role
    agency: UUID


class TokenRequest(BaseModel):
    """Whom the token shall name."""

    model_config = ConfigDict(extra="forbid")

    sub: str = Field(min_length=1, max_length=100, examples=["zhang.san"])
    name: str = Field(min_length=1, max_length=100, examples=["张三"])
    roles: list[RoleAtAgency] = Field(max_length=50)
    lifetime_seconds: int = Field(default=LIFETIME_SECONDS, ge=1, le=LIFETIME_SECONDS)


class TokenAnswer(BaseModel):
    access_token: str
    token_type: str = "Bearer"
    expires_in: int


def issuer_app(issuer: DevelopmentIssuer) -> FastAPI:
    """Return the app to mount at the path of `issuer.url`, or to serve alone."""
    app = FastAPI(title="兰台开发用令牌签发器", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/.well-known/openid-configuration")
    async def openid_configuration() -> dict[str, Any]:
        return {
            "issuer": issuer.url,
            "jwks_uri": f"{issuer.url}/jwks",
            "token_endpoint": f"{issuer.url}/token",
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "subject_types_supported": ["public"],
            "response_types_supported": ["token"],
        }

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return issuer.jwks()

    @app.post("/token")
    async def token(request: TokenRequest) -> TokenAnswer:
        grants = [Grant(entry.role, entry.agency) for entry in request.roles]
        issued = issuer.issue(request.sub, request.name, grants, lifetime_seconds=request.lifetime_seconds)
        return TokenAnswer(access_token=issued, expires_in=request.lifetime_seconds)

    return app
