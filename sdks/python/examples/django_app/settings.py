"""Settings with secrets.

Django needs its own `SECRET_KEY` as a plain text, so it is exposed here, and from here on Django
alone takes care of it. `STRIPE_KEY` is ours: it stays wrapped until a view uses it.
"""

from __future__ import annotations

from unspoken import secrets

# Do not forget `.expose()`: Django would sign everything with the text `[REDACTED]`.
SECRET_KEY = secrets.DJANGO_SECRET_KEY.expose()
STRIPE_KEY = secrets.STRIPE_KEY

# A debug page shows local variables; it is on here to show that what is wrapped stays hidden.
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
USE_TZ = True
