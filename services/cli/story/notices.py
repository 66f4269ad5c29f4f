"""Finding a notice and the proof of what became of it."""

from typing import Any

from services.cli.office import NOTIFY
from services.cli.story.cast import Cast


def notices(cast: Cast, about: str, event: str) -> list[dict[str, Any]]:
    """Return every delivery of one event (its type without prefix and version) about one thing."""
    found = cast.admin.get(f"{NOTIFY}/deliveries", about=about, limit=100)["items"]
    return [each for each in found if event in each["event_type"]]


def told(cast: Cast, about: str, event: str, *, channel: str, kind: str = "staff") -> dict[str, Any]:
    """Wait until somebody of this kind was told over this channel, with the proof; raises NotAsTold."""

    def proven() -> dict[str, Any] | None:
        for each in notices(cast, about, event):
            if (each["channel"], each["recipient_kind"], each["state"]) == (channel, kind, "delivered"):
                body: dict[str, Any] = cast.admin.get(f"{NOTIFY}/deliveries/{each['id']}").body
                return body
        return None

    return cast.narrator.eventually(f"{event} 经 {channel} 送达 {kind}", proven)
