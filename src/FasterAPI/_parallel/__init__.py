"""Functions that compute, run beside the event loop: in sub-interpreters with a lock of their own, or in processes.

Nothing is imported here, since workers import this package too.
"""
