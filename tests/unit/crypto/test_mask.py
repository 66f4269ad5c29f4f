"""Masks keep the ends and the length, and nothing of what is too short to hide."""

import pytest

from shared.crypto import mask_email, mask_id_number, mask_name, mask_phone


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        (mask_id_number, "330106199001011234", "330***********1234"),
        (mask_id_number, "1234567", "*******"),
        (mask_phone, "13812345678", "138****5678"),
        (mask_phone, "87654321", "******21"),
        (mask_phone, "1", "*"),
        (mask_email, "zhang.san@example.cn", "z***@example.cn"),
        (mask_email, "not a mail", "***"),
        (mask_name, "欧阳锋", "欧**"),
        (mask_name, "李", "李*"),
        (mask_name, "", ""),
    ],
)
def test_masks(mask, value: str, shown: str) -> None:  # type: ignore[no-untyped-def]  # four functions of one shape
    assert mask(value) == shown
