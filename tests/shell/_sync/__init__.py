# Generated from tests/shell/_async/__init__.py by scripts/unasync.py; change that file instead.
