"""A POST that creates may be sent again without creating twice: same key, same answer, byte for byte.

The key's row is claimed at the start of the command's own transaction and holds the rendered answer (sealed) at its
end, so command and answer commit together or leave nothing. A concurrent repeat waits on that row for as long as the
database lets a lock be waited for (5 s), then is told to come back. Keys are kept for 24 hours.

Staff keys belong to the caller. The public has no name, so there a key belongs to the route and the exact body:
guessing somebody's key shows nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import orjson
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.auth import caller
from shared.crypto import Vault
from shared.db.engine import Database
from shared.db.uow import Actor, UnitOfWork
from shared.errors import Category, DomainError
from shared.http.failures import sqlstate
from shared.http.sessions import Write

LOCK_TIMED_OUT = "55P03"
SEAL_CONTEXT = "idempotency_keys.answer"

CLAIM = """
    INSERT INTO idempotency_keys AS kept (scope, key, body_hash) VALUES ($1, $2, $3)
    ON CONFLICT (scope, key) DO UPDATE
       SET body_hash = excluded.body_hash, status = NULL, answer = NULL, created_at = clock_timestamp()
     WHERE kept.created_at < now() - interval '24 hours'
    RETURNING true
"""
KEEP = "UPDATE idempotency_keys SET status = {0}, answer = {1} WHERE scope = {2} AND key = {3}"
KEPT = "SELECT body_hash, status, answer FROM idempotency_keys WHERE scope = $1 AND key = $2"
PURGE = text("""
    DELETE FROM idempotency_keys WHERE (scope, key) IN (
        SELECT scope, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours'
         ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
    RETURNING true
""")


class IdempotencyKeyReused(DomainError):
    """The key was used for another body."""

    code = "idempotency_key_reused"
    title = "该 Idempotency-Key 已用于内容不同的请求"
    category = Category.UNPROCESSABLE


class IdempotencyInProgress(DomainError):
    """The first request with this key is still being answered."""

    code = "idempotency_in_progress"
    title = "相同的请求正在处理中，请稍后重试"
    category = Category.CONFLICT


class Replay(Exception):
    """Ends a repeated request: its transaction is rolled back and the kept answer is sent."""

    def __init__(self, response: Response) -> None:
        super().__init__("replayed")
        self.response = response


async def on_replay(_request: Request, replay: Replay) -> Response:
    """Send the kept answer."""
    return replay.response


@dataclass(frozen=True)
class Idempotency:
    """The claimed key of the request at hand."""

    uow: UnitOfWork
    vault: Vault
    scope: str
    key: str

    async def answer(self, status: int, body: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
        """Render the route's answer and keep it with what the command wrote. Return what this returns."""
        content = body.model_dump_json()
        kept = orjson.dumps({"headers": dict(headers or {}), "body": content}).decode()
        sealed = self.vault.seal(kept, context=SEAL_CONTEXT)
        self.uow.also(KEEP, status, sealed, self.scope, self.key)
        return Response(content, status, headers, "application/json")


async def claim(
    request: Request,
    uow: Write,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[\x21-\x7e]{1,128}$",
            description="新建请求的随机键（如 UUID）；重试时沿用，24 小时内返回首次的结果",
            examples=["7f6c1c2e-6a53-4d0e-9a0e-0c6f3c7a1b11"],
        ),
    ],
) -> Idempotency:
    """Claim the key, or replay its answer; raises IdempotencyKeyReused or IdempotencyInProgress."""
    vault: Vault = request.app.state.deps.vault
    digest = hashlib.sha256(await request.body()).hexdigest()
    fingerprint = vault.blind(f"{request.method} {request.url.path} {digest}", purpose="idempotency")
    who = await caller(request)
    scope = f"{who.actor.kind}:{who.actor.id}" if who else f"public:{fingerprint}"
    body_hash = bytes.fromhex(fingerprint)
    try:
        claimed = await uow.fetch(CLAIM, scope, key, body_hash)
    except DBAPIError as error:
        if sqlstate(error) == LOCK_TIMED_OUT:
            raise IdempotencyInProgress(retry_after=1) from None
        raise
    if not claimed:
        raise Replay(await _kept_answer(uow, vault, scope, key, body_hash))
    return Idempotency(uow, vault, scope, key)


async def _kept_answer(uow: UnitOfWork, vault: Vault, scope: str, key: str, body_hash: bytes) -> Response:
    found = await uow.fetch(KEPT, scope, key)
    if not found or found[0]["answer"] is None:
        raise IdempotencyInProgress(retry_after=1)
    kept = found[0]
    if kept["body_hash"] != body_hash:
        raise IdempotencyKeyReused("请为新的请求使用新的键；如为重试，请提交完全相同的内容。")
    answer = orjson.loads(vault.open(kept["answer"], context=SEAL_CONTEXT))
    headers = answer["headers"] | {"Idempotency-Replayed": "true"}
    return Response(answer["body"], kept["status"], headers, "application/json")


Idempotent = Annotated[Idempotency, Depends(claim)]


async def purge_expired(db: Database) -> int:
    """Forget a batch of keys older than 24 hours; return how many. The worker runs this now and then."""
    async with db.write(Actor.system(db.service)) as uow:
        return len((await uow.session.execute(PURGE)).all())
