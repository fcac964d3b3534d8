"""Retries and the circuit breaker. Not implemented yet."""

from fasthttp._pure.later import later

RetryPolicy = later("RetryPolicy", "retries", __name__)
CircuitBreaker = later("CircuitBreaker", "retries", __name__)

__all__ = ["CircuitBreaker", "RetryPolicy"]
