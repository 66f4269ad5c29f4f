"""Personal data at rest: sealed values, blind indexes for equality, masks for lists."""

from shared.crypto.mask import mask_email, mask_id_number, mask_name, mask_phone
from shared.crypto.vault import SealedValueError, Vault

__all__ = ["SealedValueError", "Vault", "mask_email", "mask_id_number", "mask_name", "mask_phone"]
