"""The runtimes, each written for what it is: asyncio and blocking sockets."""
