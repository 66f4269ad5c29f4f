"""The links that a subscriber gets by mail: derived from the id and a key, so that nothing secret is stored."""

import hmac
from uuid import UUID

from shared.crypto import Vault

PAGES = "/api/notify/pages/subscriptions"
CONFIRM = "subscription.confirm"
END = "subscription.end"


def token(vault: Vault, subscription_id: UUID, purpose: str) -> str:
    """Return the token by which its owner confirms or ends a subscription."""
    return vault.blind(str(subscription_id), purpose=purpose)


def is_token(vault: Vault, subscription_id: UUID, purpose: str, given: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(token(vault, subscription_id, purpose).encode(), given.encode())


def confirmation(vault: Vault, subscription_id: UUID, site: str) -> str:
    """Return the address of the page that confirms."""
    return f"{site}{PAGES}/{subscription_id}/confirmation?token={token(vault, subscription_id, CONFIRM)}"


def ending(vault: Vault, subscription_id: UUID, site: str) -> str:
    """Return the address of the page that ends the subscription, also in one click by a mail program."""
    return f"{site}{PAGES}/{subscription_id}/ending?token={token(vault, subscription_id, END)}"
