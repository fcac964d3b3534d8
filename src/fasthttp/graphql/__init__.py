"""GraphQL. Not implemented yet."""

from fasthttp._pure.later import later

GraphQLResponse = later("GraphQLResponse", "GraphQL", __name__)

__all__ = ["GraphQLResponse"]
