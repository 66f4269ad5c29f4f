"""The secret code by which an applicant follows a case: shown once, kept as a keyed hash.

Ten characters without look-alikes, 50 bits: with the rate limit nobody guesses one.
"""

import hmac
import secrets

from shared.crypto import Vault

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 10
PURPOSE = "applications.secret_code"


def new_code() -> str:
    """Return a fresh code, as people read it."""
    letters = "".join(ALPHABET[byte % len(ALPHABET)] for byte in secrets.token_bytes(LENGTH))  # 32 divides 256
    return f"{letters[:5]}-{letters[5:]}"


def normalised(code: str) -> str:
    """Undo what typing does to a code: case, spaces, dashes."""
    return "".join(code.split()).replace("-", "").replace("－", "").upper()


def code_hash(vault: Vault, code: str) -> str:
    """Return what is stored of a code."""
    return vault.blind(normalised(code), purpose=PURPOSE)


def matches(vault: Vault, code: str, stored: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(code_hash(vault, code), stored)
