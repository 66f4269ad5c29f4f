"""The audit trail: append-only entries, chained by hashes after they are committed, and verified by a command."""

from shared.audit.chain import Sealer, Verification, verify

__all__ = ["Sealer", "Verification", "verify"]
