"""Authentication. Not implemented yet."""

from fasthttp._pure.later import later

AuthBase = later("AuthBase", "authentication", __name__)
BasicAuth = later("BasicAuth", "authentication", __name__)
BearerAuth = later("BearerAuth", "authentication", __name__)
DigestAuth = later("DigestAuth", "authentication", __name__)
NetrcAuth = later("NetrcAuth", "authentication", __name__)
OAuth2ClientCredentials = later("OAuth2ClientCredentials", "authentication", __name__)

__all__ = ["AuthBase", "BasicAuth", "BearerAuth", "DigestAuth", "NetrcAuth", "OAuth2ClientCredentials"]
