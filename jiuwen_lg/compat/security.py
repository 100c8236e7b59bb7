"""openJiuwen's switches and helpers of security, on ours. Facts: openJiuwen 0.1.1, `agents.md` 17.3."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from jiuwen_lg.address import address_now
from jiuwen_lg.environment import is_switched_off
from jiuwen_lg.errors import StatusCode

_SENSITIVE = "IS_SENSITIVE"
_PATHS = ("/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/hostname", "/etc/ssh/")


class UserConfig:
    """Whether errors may quote what users and models said: the environment variable `IS_SENSITIVE`."""

    @staticmethod
    def is_sensitive() -> bool:
        """Return whether errors leave out what was said; they do unless it is switched off."""
        return not is_switched_off(_SENSITIVE)

    @staticmethod
    def set_is_sensitive(is_sensitive: bool = True) -> None:
        """Set the environment variable for this process."""
        os.environ[_SENSITIVE] = "true" if is_sensitive else "false"

    @staticmethod
    def get_sensitive_paths() -> list[str]:
        """Return paths that hold secrets of a machine."""
        return list(_PATHS)


class SslUtils:
    """How an HTTPS service is checked."""

    @staticmethod
    def get_ssl_config(
        verify_switch_env: str, ssl_cert_env: str, trigger_value: Collection[str], url_is_https: bool = True
    ) -> tuple[bool, str | bool | None]:
        """Return whether the certificate is checked, and the file of the authority.

        Args:
            verify_switch_env: The environment variable that switches the check off.
            ssl_cert_env: The one that names the file.
            trigger_value: The values that switch it off.
            url_is_https: Whether there is a certificate at all.
        """
        if not url_is_https or os.environ.get(verify_switch_env, "").lower() in trigger_value:
            return False, False
        return True, os.environ.get(ssl_cert_env) or None

    @staticmethod
    def create_strict_ssl_context(ssl_cert: str | None = None) -> ssl.SSLContext:
        """Return a context that checks certificates; without a file, by the system's authorities.

        Raises:
            JiuWenBaseException: 188000, the file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=ssl_cert)
        except OSError as error:
            reason = f"{ssl_cert!r} is no certificate: {error}"
            raise StatusCode.SSL_UTILS_CREATE_SSL_CONTEXT_ERROR.error(reason=reason) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class UrlUtils:
    """Which addresses may be called."""

    @staticmethod
    def check_url_is_valid(url: str) -> None:
        """Check that an address is one, and public unless `SSRF_PROTECT_ENABLED` is false.

        Raises:
            JiuWenBaseException: 188004, it may not be called.
        """
        parts = urlsplit(url if isinstance(url, str) else "")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StatusCode.URL_INVALID_ERROR.error(reason=f"{url!r} is no http(s) address")
        address_now(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))


class JsonUtils:
    """JSON with openJiuwen's codes."""

    @staticmethod
    def safe_json_loads(json_string: str, default: Any = None, **kwargs: Any) -> Any:
        """Return the value of a JSON text; `default`, if there is one, for a text that is no JSON.

        Raises:
            JiuWenBaseException: 188002, it is no JSON, and there is no default.
        """
        try:
            return json.loads(json_string, **kwargs)
        except (ValueError, TypeError) as error:
            if default is not None:
                return default
            raise StatusCode.JSON_LOADS_ERROR.error(error_msg=str(error)) from error

    @staticmethod
    def safe_json_dumps(obj: Any, default: str | None = None, **kwargs: Any) -> str:
        """Return a value as JSON; `default`, if there is one, for a value that cannot be written so.

        Raises:
            JiuWenBaseException: 188003, it cannot be written, and there is no default.
        """
        try:
            return json.dumps(obj, **kwargs)
        except (ValueError, TypeError) as error:
            if default is not None:
                return default
            raise StatusCode.JSON_DUMPS_ERROR.error(error_msg=str(error)) from error
