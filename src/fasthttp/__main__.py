"""`python -m fasthttp`."""

from fasthttp.cli import main

main()
