"""Django's entry point.

    unspoken run --fd -- python manage.py runserver --noreload
"""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    """Runs the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
