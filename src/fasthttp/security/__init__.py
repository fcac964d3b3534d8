"""What an app refuses to do, and how it proves who it is: the policy, the address guard, signatures, and their errors."""

from fasthttp.errors import CircuitOpenError, RedirectBlockedError, ResponseTooLargeError, SecurityError, SSRFBlockedError
from fasthttp.security.policy import SecurityPolicy
from fasthttp.security.signing import NonceMemory, sign_request, verify_request

__all__ = [
    "CircuitOpenError",
    "NonceMemory",
    "RedirectBlockedError",
    "ResponseTooLargeError",
    "SSRFBlockedError",
    "SecurityError",
    "SecurityPolicy",
    "sign_request",
    "verify_request",
]
