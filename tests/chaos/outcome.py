"""What a storm left behind, and how long each accident was felt."""

from dataclasses import dataclass, field

REBALANCE_SECONDS = 3.0


@dataclass
class Outcome:
    """Lost, doubled and inverted must be 0. `session_seconds` is how long a silent part may hold what others need."""

    session_seconds: float
    acknowledged: int = 0
    committed: int = 0
    effects: int = 0
    requests: int = 0
    effects_of_requests: int = 0
    timers: int = 0
    fired: int = 0
    lost: int = 0
    doubled: int = 0
    inversions: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    recoveries: dict[str, list[float]] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        exact = (self.committed, self.requests, self.timers) == (self.effects, self.effects_of_requests, self.fired)
        return exact and self.committed > 0 and self.lost == self.doubled == self.inversions == 0

    @property
    def limit_seconds(self) -> float:
        return 1.5 * (self.session_seconds + REBALANCE_SECONDS)

    def __str__(self) -> str:
        lines = [
            f"acknowledged {self.acknowledged}  committed {self.committed}  effects {self.effects}"
            f"  effects per committed event {_ratio(self.effects, self.committed)}",
            f"requests answered {self.requests}  effects per acknowledged request"
            f" {_ratio(self.effects_of_requests, self.requests)}  answers {self.answers}",
            f"timers of those requests {self.timers}  fired {self.fired}",
            f"lost {self.lost}  doubled {self.doubled}  inversions {self.inversions}",
            f"limit of recovery {self.limit_seconds:.1f} s; of a broker or a frozen database counted from its return,"
            " of all else from the accident",
        ]
        for name, seconds in sorted(self.recoveries.items()):
            ordered = sorted(seconds)
            median = ordered[len(ordered) // 2]
            over = sum(one > self.limit_seconds for one in ordered)
            lines.append(
                f"recovery after {name:<15} n={len(ordered):<3} median {median:5.1f} s  max {ordered[-1]:5.1f} s"
                f"  {f'MISSED {over} times' if over else 'kept'}"
            )
        return "\n".join(lines)


def _ratio(effects: int, wanted: int) -> str:
    return f"{effects / wanted:.6f}" if wanted else "-"
