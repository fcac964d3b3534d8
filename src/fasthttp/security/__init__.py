"""The security policy of the declarative layer. Not implemented yet; its errors are final."""

from fasthttp._pure.later import later
from fasthttp.errors import CircuitOpenError, RedirectBlockedError, ResponseTooLargeError, SecurityError, SSRFBlockedError

SecurityPolicy = later("SecurityPolicy", "the security policy", __name__)
sign_request = later("sign_request", "the security policy", __name__)
verify_request = later("verify_request", "the security policy", __name__)

__all__ = [
    "CircuitOpenError",
    "RedirectBlockedError",
    "ResponseTooLargeError",
    "SSRFBlockedError",
    "SecurityError",
    "SecurityPolicy",
    "sign_request",
    "verify_request",
]
