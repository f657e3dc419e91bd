"""The views: one that signs, and one that fails on purpose."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from django.core.signing import Signer
from django.http import HttpRequest, JsonResponse
from django.urls import path


def sign(request: HttpRequest) -> JsonResponse:
    """`GET /sign?text=…`: signed by Django's key, and by a secret of our own."""
    text = request.GET.get("text", "")
    mac = hmac.new(settings.STRIPE_KEY.expose().encode(), text.encode(), hashlib.sha256)
    return JsonResponse({"signed": Signer().sign(text), "mac": mac.hexdigest()})


def fail(request: HttpRequest) -> JsonResponse:
    """`GET /fail`: a debug page, on which the wrapped secret is a local variable."""
    wrapped = settings.STRIPE_KEY
    raise RuntimeError(f"could not charge with {wrapped}")


urlpatterns = [path("sign", sign), path("fail", fail)]
