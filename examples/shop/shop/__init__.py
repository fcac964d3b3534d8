"""A small shop: accounts, items with pictures, orders, mail, live notices. Written for FastAPI."""
