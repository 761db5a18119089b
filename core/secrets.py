"""Personal data at rest: sealed for reading back, indexed for looking up (P4)."""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet
from flask import current_app


def _key(purpose: str) -> bytes:
    secret: str = current_app.config["DATA_KEY"]
    return hmac.digest(secret.encode(), purpose.encode(), "sha256")


def seal(text: str) -> str:
    """Encrypt a personal datum for storage; `unseal` reads it back."""
    return Fernet(base64.urlsafe_b64encode(_key("seal"))).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt what `seal` wrote. Raises: cryptography.fernet.InvalidToken when the key or text is wrong."""
    return Fernet(base64.urlsafe_b64encode(_key("seal"))).decrypt(sealed.encode()).decode()


def blind_index(text: str) -> str:
    """Return a keyed digest (64 hex digits) that finds a sealed datum without revealing it."""
    return hmac.digest(_key("index"), text.encode(), "sha256").hex()


def token_digest(token: str) -> str:
    """Return the SHA-256 (64 hex digits) under which a random token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def sign(text: str) -> str:
    """Return a short HMAC-SHA256 signature (url-safe, 22 characters) of a text under the application's secret."""
    secret: str = current_app.config["SECRET_KEY"]
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")[:16]).decode().rstrip("=")


def signed(text: str, signature: str) -> bool:
    """Say whether `signature` is the one `sign` gives for this text, in constant time."""
    return hmac.compare_digest(sign(text).encode(), signature.encode("ascii", "replace"))
