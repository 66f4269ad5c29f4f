"""A POST that creates may be sent again without creating twice: same key, same answer, byte for byte.

The key's row, with the rendered answer (sealed), is written with what the command writes, so command and answer commit
together or leave nothing. The key is locked at the start of the command's own transaction: a concurrent repeat waits as
long as the database lets a lock be waited for (5 s), then is told to come back. A busy route may try without the lock
first (`Key.once`): whoever loses the race for a row then does it again under the lock. Keys are kept for 24 hours.

Staff keys belong to the caller. The public has no name, so there a key belongs to the route and the exact body:
guessing somebody's key shows nothing.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, NamedTuple

import orjson
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from shared.auth import caller
from shared.crypto import Vault
from shared.db.clock import BUSINESS_NOW
from shared.db.engine import Database
from shared.db.spine import idempotency_keys
from shared.db.uow import Actor, Question, UnitOfWork
from shared.errors import Category, DomainError
from shared.http.failures import sqlstate
from shared.http.sessions import writing

LOCK_TIMED_OUT = "55P03"
SEAL_CONTEXT = "idempotency_keys.answer"

# What is read was there before the lock: a repeat that had to wait reads again, one that slipped in between collides
# with the row at the end.
_KNOWN = f"""
    SELECT {BUSINESS_NOW} AS now, kept.body_hash, kept.status, kept.answer,
           kept.created_at < now() - interval '24 hours' AS expired, {{more}}
      FROM (SELECT) AS asked LEFT JOIN idempotency_keys AS kept ON scope = $1 AND key = $2 {{joined}}
"""
ASK_AND_LOCK = _KNOWN.format(more="pg_try_advisory_xact_lock($3) AS alone", joined="")
WAIT = "SELECT pg_advisory_xact_lock($1)"
FORGET = "DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2"
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


class Beside(NamedTuple):
    """What a command wants to know first: a query of one row at most, whose values begin at `$3`."""

    sql: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Idempotency:
    """The key of the request at hand, and the unit of work that it belongs to."""

    uow: UnitOfWork
    vault: Vault
    scope: str
    key: str
    body_hash: bytes

    async def answer(self, status: int, body: BaseModel, headers: Mapping[str, str] | None = None) -> Response:
        """Render the route's answer and keep it with what the command wrote. Return what this returns."""
        content = body.model_dump_json()
        kept = orjson.dumps({"headers": dict(headers or {}), "body": content}).decode()
        row = {
            "scope": self.scope,
            "key": self.key,
            "body_hash": self.body_hash,
            "status": status,
            "answer": self.vault.seal(kept, context=SEAL_CONTEXT),
        }
        self.uow.insert(idempotency_keys, row)
        return Response(content, status, headers, "application/json")


@dataclass(frozen=True)
class Key:
    """The key that a request came with; nothing has been asked of the database yet."""

    request: Request
    vault: Vault
    scope: str
    key: str
    body_hash: bytes

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Idempotency]:
        """Open a unit of work that holds the key, or replay its answer.

        Raises IdempotencyKeyReused or IdempotencyInProgress.
        """
        question = Question(ASK_AND_LOCK, (self.scope, self.key, lock_number(self.scope, self.key)))
        try:
            async with await writing(self.request, question) as uow:
                await _hold(held := self._of(uow), question)
                yield held
        except IntegrityError as error:
            if getattr(error.orig, "constraint_name", None) != idempotency_keys.primary_key.name:
                raise
            # Another one slipped in between, without the lock, and is done: its row is what ours met.
            async with await writing(self.request, question) as uow:
                await _hold(self._of(uow), question)
            raise IdempotencyInProgress(retry_after=1) from None

    async def once(self, beside: Beside, command: Callable[[Idempotency], Awaitable[Response]]) -> Response:
        """Run a command that reads nothing but the one row that `beside` asks for and writes all it writes at the end.

        That costs two round trips, without BEGIN, COMMIT or lock. If another one took the key or a row meanwhile,
        nothing was written, and the command runs again in a unit of work that holds the key.
        """
        with suppress(IntegrityError):
            async with await writing(self.request, _ahead(self, beside)) as uow:
                known = uow.told[0]
                if not known["expired"]:
                    if known["body_hash"] is not None:
                        raise Replay(_kept_answer(self._of(uow), known))
                    return await command(self._of(uow))
        async with self.held() as held:
            return await command(held)

    def _of(self, uow: UnitOfWork) -> Idempotency:
        return Idempotency(uow, self.vault, self.scope, self.key, self.body_hash)


def _ahead(key: Key, beside: Beside) -> Question:
    return Question(_asking(beside.sql), (key.scope, key.key, *beside.values), ahead=True)


@cache
def _asking(beside: str) -> str:
    return _KNOWN.format(more="beside.*", joined=f"LEFT JOIN LATERAL ({beside}) AS beside ON true")


async def key_of(
    request: Request,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[\x21-\x7e]{1,128}$",
            description="新建请求的随机键（如 UUID）；重试时沿用，24 小时内返回首次的结果",
            examples=["7f6c1c2e-6a53-4d0e-9a0e-0c6f3c7a1b11"],
        ),
    ],
) -> Key:
    """Return the key of the request at hand."""
    vault: Vault = request.app.state.deps.vault
    digest = hashlib.sha256(await request.body()).hexdigest()
    fingerprint = vault.blind(f"{request.method} {request.scope['path']} {digest}", purpose="idempotency")
    who = await caller(request)
    scope = f"{who.actor.kind}:{who.actor.id}" if who else f"public:{fingerprint}"
    return Key(request, vault, scope, key, bytes.fromhex(fingerprint))


Keyed = Annotated[Key, Depends(key_of)]


async def claim(key: Keyed) -> AsyncIterator[Idempotency]:
    """Hold the key for the whole of the route, in its one unit of work."""
    async with key.held() as held:
        yield held


def lock_number(scope: str, key: str) -> int:
    """Return the number of the key's advisory lock."""
    digest = hashlib.blake2b(f"{scope} {key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


async def _hold(held: Idempotency, question: Question) -> None:
    """See to it that the key is held by this transaction and new; a known one is replayed."""
    (known,) = held.uow.told
    if not known["alone"]:
        try:
            await held.uow.fetch(WAIT, question.values[-1])
        except DBAPIError as error:
            if sqlstate(error) == LOCK_TIMED_OUT:
                raise IdempotencyInProgress(retry_after=1) from None
            raise
        (known,) = await held.uow.fetch(question.sql, *question.values)
    if known["expired"]:
        await held.uow.fetch(FORGET, held.scope, held.key)
    elif known["body_hash"] is not None:
        raise Replay(_kept_answer(held, known))


def _kept_answer(held: Idempotency, kept: Mapping[str, Any]) -> Response:
    if kept["body_hash"] != held.body_hash:
        raise IdempotencyKeyReused("请为新的请求使用新的键；如为重试，请提交完全相同的内容。")
    answer = orjson.loads(held.vault.open(kept["answer"], context=SEAL_CONTEXT))
    headers = answer["headers"] | {"Idempotency-Replayed": "true"}
    return Response(answer["body"], kept["status"], headers, "application/json")


Idempotent = Annotated[Idempotency, Depends(claim, scope="function")]


async def purge_expired(db: Database) -> int:
    """Forget a batch of keys older than 24 hours; return how many. The worker runs this now and then."""
    async with db.write(Actor.system(db.service)) as uow:
        return len((await uow.session.execute(PURGE)).all())
