"""Checks of the certificates of services.

Facts: openJiuwen 0.1.1, `components.md` 1.6.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from jiuwen_lg.environment import is_switched_off
from jiuwen_lg.errors import StatusCode


def is_customized(kind: str) -> bool:
    """Whether the environment says how to check certificates, for `"RESTFUL"` or `"LLM"`."""
    return is_switched_off(f"{kind}_SSL_VERIFY") or bool(os.environ.get(f"{kind}_SSL_CERT"))


def tls_context(kind: str) -> ssl.SSLContext:
    """Return the TLS context that `<kind>_SSL_VERIFY`, `<kind>_SSL_CERT` and `SAFE_CERT_DIR` ask for.

    Raises:
        JiuWenBaseException: 188000, the certificate lies outside the folder; 188005, it cannot be used.
    """
    if is_switched_off(f"{kind}_SSL_VERIFY"):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    certificate = os.environ.get(f"{kind}_SSL_CERT")
    folder = os.environ.get("SAFE_CERT_DIR")
    if certificate and folder and not Path(certificate).resolve().is_relative_to(Path(folder).resolve()):
        reason = f"{certificate!r} is not in SAFE_CERT_DIR ({folder!r})"
        raise StatusCode.SSL_UTILS_CREATE_SSL_CONTEXT_ERROR.error(reason=reason)
    try:
        return ssl.create_default_context(cafile=certificate or None)
    except OSError as error:
        reason = f"{kind}_SSL_CERT is {certificate!r}, which is no certificate: {error}"
        raise StatusCode.INVALID_SSL_CERT_ERROR.error(reason=reason) from error
