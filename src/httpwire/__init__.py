"""HTTP as bytes and values: messages, fields, URLs, codings, for both ends of the wire.

No sockets, no event loop, no threads, no clock. Import from the submodules.
"""
