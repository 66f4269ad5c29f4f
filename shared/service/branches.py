"""Closing side by side what does not need one another: with a silent database their waits would add up."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType


class Branches:
    """Gives out exit stacks; leaving the block closes all of them at once, each in its own order."""

    def __init__(self) -> None:
        self._stacks: list[AsyncExitStack] = []

    def branch(self) -> AsyncExitStack:
        """Return a new stack, which is closed with the others."""
        stack = AsyncExitStack()
        self._stacks.append(stack)
        return stack

    async def __aenter__(self) -> "Branches":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all of them, also when one fails; then raise what the first one raised."""
        ended = await asyncio.gather(*(stack.aclose() for stack in self._stacks), return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, BaseException):
                raise outcome
