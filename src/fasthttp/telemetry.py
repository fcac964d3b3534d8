"""OpenTelemetry. Not implemented yet."""

from fasthttp._pure.later import later

instrument = later("instrument", "telemetry", __name__)

__all__ = ["instrument"]
