"""What can happen to a request that moves its clock. Facts only: nothing here decides anything.

A history is the receipt day (already decided by 条例第三十一条) and the events in order of day, within a day as they
happened. `on` is always a civil day of Asia/Shanghai.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class RegulationName(StrEnum):
    """Which text of the 政府信息公开条例 applies."""

    PIR_2007 = "PIR-2007"
    PIR_2019 = "PIR-2019"


class ConsultationKind(StrEnum):
    """Whom the organ asks: 第三方 (Art. 32), 共同制作机关 (Art. 34), 其他机关 (Art. 33)."""

    THIRD_PARTY = "third_party"
    JOINT_ORGAN = "joint_organ"
    OTHER_ORGAN = "other_organ"


@dataclass(frozen=True, slots=True)
class CorrectionNotice:
    """补正告知书 sent."""

    on: date


@dataclass(frozen=True, slots=True)
class Corrected:
    """The corrected request was received: the period restarts."""

    on: date


@dataclass(frozen=True, slots=True)
class FeeNotice:
    """收费通知 sent."""

    on: date


@dataclass(frozen=True, slots=True)
class FeePaid:
    """The fee was paid in full: the period restarts, and the payment day is day zero."""

    on: date


@dataclass(frozen=True, slots=True)
class ConsultationStarted:
    """征求意见书 sent; `delivered_on` is the day the addressee received it, once known."""

    on: date
    id: str
    kind: ConsultationKind
    delivered_on: date | None = None


@dataclass(frozen=True, slots=True)
class ConsultationEnded:
    """The opinion was received."""

    on: date
    id: str


@dataclass(frozen=True, slots=True)
class Extended:
    """The applicant was told of an approved extension of `working_days`."""

    on: date
    working_days: int


@dataclass(frozen=True, slots=True)
class Replied:
    """The reply counts as made: 签收日, or 交邮日 by post (国办公开办函〔2016〕235号)."""

    on: date


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The applicant withdrew the request."""

    on: date


ClockEvent = (
    CorrectionNotice
    | Corrected
    | FeeNotice
    | FeePaid
    | ConsultationStarted
    | ConsultationEnded
    | Extended
    | Replied
    | Withdrawn
)


@dataclass(frozen=True, slots=True)
class History:
    """One request as its clock sees it. `regulation` is an officer's override, obeyed whatever the receipt day."""

    received_on: date
    events: tuple[ClockEvent, ...] = ()
    regulation: RegulationName | None = None
