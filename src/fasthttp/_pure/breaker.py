"""When an origin that keeps failing is left alone. Values in, values out: no clock, no lock, no requests."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["CLOSED", "HALF_OPEN", "OPEN", "BreakerState", "Permit"]

CLOSED: Final = "closed"
OPEN: Final = "open"
HALF_OPEN: Final = "half-open"
_MAX_CIRCUITS = 4096  # origins with failures that are remembered


class Permit(NamedTuple):
    """Leave to send one request; given back with its outcome, once."""

    origin: str
    era: int  # outcomes of an earlier era say nothing about the present one


class _Circuit:
    __slots__ = ("era", "failures", "good", "opened_at", "probes")

    def __init__(self) -> None:
        self.era = 0
        self.failures = 0
        self.good = 0
        self.probes = 0
        self.opened_at: float | None = None


class BreakerState:
    """The circuits of all origins.

    Args:
        threshold: failures in a row that open a circuit.
        recovery: seconds until an open circuit lets probes through.
        half_open_max: probes at once.
        successes: good probes that close it again.
    """

    def __init__(self, threshold: int, recovery: float, half_open_max: int, successes: int) -> None:
        self._threshold = threshold
        self._recovery = recovery
        self._half_open_max = half_open_max
        self._successes = successes
        self._circuits: dict[str, _Circuit] = {}

    def enter(self, origin: str, now: float) -> Permit | float:
        """Leave to send to `origin`, or the seconds until that may be asked again."""
        circuit = self._circuits.get(origin)
        if circuit is None:
            return Permit(origin, 0)
        if circuit.opened_at is None:
            return Permit(origin, circuit.era)
        left = circuit.opened_at + self._recovery - now
        if left > 0:
            return left
        if circuit.probes >= self._half_open_max:
            return 0.0
        circuit.probes += 1
        return Permit(origin, circuit.era)

    def leave(self, permit: Permit, succeeded: bool | None, now: float) -> None:
        """Take a permit back; `succeeded` None: the request says nothing about the origin."""
        circuit = self._circuits.get(permit.origin)
        if circuit is None:
            if succeeded is not False:
                return
            circuit = self._remember(permit.origin)
        if permit.era != circuit.era:
            return
        if circuit.opened_at is not None:
            circuit.probes -= 1
        if succeeded is None:
            return
        if succeeded:
            self._succeed(permit.origin, circuit)
        else:
            self._fail(circuit, now)

    def _remember(self, origin: str) -> _Circuit:
        if len(self._circuits) >= _MAX_CIRCUITS:
            del self._circuits[next(iter(self._circuits))]
        circuit = self._circuits[origin] = _Circuit()
        return circuit

    def _succeed(self, origin: str, circuit: _Circuit) -> None:
        if circuit.opened_at is None:
            circuit.failures = 0
            return
        circuit.good += 1
        if circuit.good >= self._successes:
            circuit.era += 1
            circuit.failures = circuit.good = circuit.probes = 0
            circuit.opened_at = None

    def _fail(self, circuit: _Circuit, now: float) -> None:
        circuit.failures += 1
        if circuit.opened_at is not None or circuit.failures >= self._threshold:
            circuit.era += 1
            circuit.opened_at = now
            circuit.good = circuit.probes = 0

    def state(self, origin: str, now: float) -> str:
        """CLOSED, OPEN or HALF_OPEN."""
        circuit = self._circuits.get(origin)
        if circuit is None or circuit.opened_at is None:
            return CLOSED
        return OPEN if circuit.opened_at + self._recovery > now else HALF_OPEN

    def reset(self, origin: str | None = None) -> None:
        """Forget the failures of one origin, or of all. Outcomes still to come of requests before count as nothing."""
        names = list(self._circuits) if origin is None else [origin] if origin in self._circuits else []
        for name in names:
            fresh = _Circuit()
            fresh.era = self._circuits[name].era + 1
            self._circuits[name] = fresh
