"""Who applies and what they ask for: sealed as a whole, masked for staff, opened only with a reason.

The text of a request may itself hold somebody's data, so it is sealed too. Nothing of it goes into events or audit.
"""

from dataclasses import dataclass

import orjson

from shared.crypto import Vault, mask_email, mask_id_number, mask_name, mask_phone

PERSONAL = "applications.personal"
CONTENT = "applications.content"
ID_NUMBER = "applications.id_number"
NOTE = "case_events.note"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"


@dataclass(frozen=True)
class Personal:
    """身份证明、联系方式 of the applicant (Art. 29(一))."""

    name: str
    id_document: str
    id_number: str
    phone: str | None = None
    email: str | None = None
    address: str | None = None

    def seal(self, vault: Vault) -> str:
        return vault.seal(orjson.dumps(self).decode(), context=PERSONAL)

    @staticmethod
    def open(vault: Vault, sealed: str) -> "Personal":
        return Personal(**orjson.loads(vault.open(sealed, context=PERSONAL)))

    def masked(self) -> "Personal":
        """Return what staff see without giving a reason."""
        return Personal(
            name=mask_name(self.name),
            id_document=self.id_document,
            id_number=mask_id_number(self.id_number),
            phone=None if self.phone is None else mask_phone(self.phone),
            email=None if self.email is None else mask_email(self.email),
            address=None if self.address is None else self.address[: min(6, len(self.address) // 2)] + "****",
        )


@dataclass(frozen=True)
class Content:
    """What is asked for: 名称、文号或者便于查询的其他特征性描述 (Art. 29(二))."""

    title: str
    description: str
    document_number: str | None = None

    def seal(self, vault: Vault) -> str:
        return vault.seal(orjson.dumps(self).decode(), context=CONTENT)

    @staticmethod
    def open(vault: Vault, sealed: str) -> "Content":
        return Content(**orjson.loads(vault.open(sealed, context=CONTENT)))


def blind_id_number(vault: Vault, id_number: str) -> str:
    """Return the index that finds one person's applications without keeping the number in clear."""
    return vault.blind("".join(id_number.split()).upper(), purpose=ID_NUMBER)


def is_plausible_id_number(id_number: str) -> bool:
    """Check the last character of an 18-character identity number (GB 11643). A bad one is shown, never refused."""
    digits = id_number.strip().upper()
    if len(digits) != 18 or not (digits[:17].isascii() and digits[:17].isdigit()):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits[:17], WEIGHTS, strict=True))
    return CHECK_DIGITS[total % 11] == digits[17]
