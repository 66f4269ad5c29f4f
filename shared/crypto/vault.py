"""Seals personal data (AES-256-GCM) and makes blind indexes, with keys that come from the settings.

A sealed value is `algorithm.key-id.base64url(nonce + ciphertext)`: algorithm and key travel with it, so keys can be
rotated and another algorithm added without touching old rows. The context (table and column, say) is authenticated,
so a value copied into another column does not open. A blind index is a keyed hash of the normalised value; it is
stable across rotations because its key is derived from the first key, which therefore stays in the list for ever.
"""

import base64
import binascii
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ALGORITHM = "A256GCM"
KEY_BYTES = 32
NONCE_BYTES = 12


class SealedValueError(Exception):
    """A value cannot be opened: it was changed, belongs elsewhere, or its key is missing. Never holds the value."""


class Vault:
    """Seals with the current key, opens with any known key."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        """`keys`: key id (letters, digits, `-`, `_`) to 32 bytes, oldest first; `current` seals new values."""
        if current not in keys:
            raise ValueError(f"the current key {current!r} is not among the keys")
        for key_id, key in keys.items():
            if not key_id.replace("-", "").replace("_", "").isalnum() or not key_id.isascii():
                raise ValueError(f"a key id holds letters, digits, - and _ only: {key_id!r}")
            if len(key) != KEY_BYTES:
                raise ValueError(f"key {key_id!r} has {len(key)} bytes instead of {KEY_BYTES}")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current
        first = next(iter(keys.values()))
        index_key = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"lantai blind index").derive(first)
        self._index = HMAC(index_key, hashes.SHA256())  # copied for each value, which spares setting up the key

    @classmethod
    def parse(cls, text: str) -> "Vault":
        """Read `id:base64[,id:base64...]` as a setting holds it: the first key indexes, the last one seals."""
        keys: dict[str, bytes] = {}
        for part in text.split(","):
            key_id, _, encoded = part.strip().partition(":")
            try:
                keys[key_id] = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise ValueError(f"key {key_id!r} is not valid base64") from None
        return cls(keys, next(reversed(keys)))

    def seal(self, text: str, *, context: str) -> str:
        """Encrypt `text` for this place only."""
        prefix = f"{ALGORITHM}.{self._current}"
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), _bound(prefix, context))
        return f"{prefix}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, context: str) -> str:
        """Decrypt what `seal` returned for the same context; raises SealedValueError."""
        algorithm, _, rest = sealed.partition(".")
        key_id, _, encoded = rest.partition(".")
        if algorithm != ALGORITHM or key_id not in self._ciphers:
            raise SealedValueError(f"no key {key_id!r} for algorithm {algorithm!r}")
        try:
            raw = base64.b64decode(encoded, altchars=b"-_", validate=True)
            nonce, ciphertext = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
            associated = _bound(f"{algorithm}.{key_id}", context)
            return self._ciphers[key_id].decrypt(nonce, ciphertext, associated).decode()
        except (InvalidTag, ValueError):
            raise SealedValueError(f"the value sealed for {context!r} with key {key_id!r} does not open") from None

    def is_current(self, sealed: str) -> bool:
        """Say whether a value is sealed with the current key, or waits to be sealed again after a rotation."""
        return sealed.startswith(f"{ALGORITHM}.{self._current}.")

    def blind(self, value: str, *, purpose: str) -> str:
        """Return the blind index (64 hex digits) of a value the caller has normalised; equal values, equal indexes."""
        index = self._index.copy()
        index.update(f"{purpose}\x00{value}".encode())
        return index.finalize().hex()


def _bound(prefix: str, context: str) -> bytes:
    return f"{prefix}\x00{context}".encode()
