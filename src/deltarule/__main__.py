"""``python -m deltarule`` is the command ``deltarule``."""

from deltarule.cli import main

main()
