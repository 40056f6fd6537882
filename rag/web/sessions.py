"""Who may use the page: passwords, the cookies of those who gave one, and how often somebody may guess."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path

from filelock import FileLock, Timeout
from itsdangerous import BadSignature, TimestampSigner

from rag.core.config import Config
from rag.core.errors import Locked, StoreError

KEY_FILE = "session.key"
"""In the home: the secret that cookies are signed with, so that nobody has to log in again after a restart."""
LIFETIME = 30 * 24 * 3600
"""Seconds that a login lasts."""
GUESSES, WINDOW = 10, 60
"""Failed logins that one address may have within so many seconds."""
_ADDRESSES = 10_000  # Failures are remembered of so many addresses at most.
_KEY_BYTES = 32
_LOCK_SECONDS = 10.0


class Sessions:
    """The names and passwords of those who may use the page, and the secret behind their cookies."""

    def __init__(self, accounts: Mapping[str, str], key: bytes) -> None:
        self._accounts = dict(accounts)
        self._key = key
        # Two servers of one machine share its cookies, whatever their ports.
        self.cookie = f"rag_session_{hashlib.sha256(key).hexdigest()[:8]}"

    def authentic(self, name: str, password: str) -> bool:
        """Whether this is the password of `name`; the time it takes tells nothing about either."""
        held = self._accounts.get(name, "")
        same = hmac.compare_digest(_digest(password), _digest(held))
        return same and name in self._accounts

    def issue(self, name: str) -> str:
        """The value of the cookie for one who has given the password."""
        return self._signer(name).sign(name).decode()

    def name(self, cookie: str) -> str | None:
        """Whose cookie this is; None where it is forged, too old, or of a password that has changed."""
        name = cookie.rsplit(".", 2)[0]
        if name not in self._accounts:
            return None
        try:
            return self._signer(name).unsign(cookie, max_age=LIFETIME).decode()
        except (BadSignature, ValueError):
            return None

    def _signer(self, name: str) -> TimestampSigner:
        # The password is part of the secret: with another one, the cookies of before are not ours.
        secret = hmac.digest(self._key, self._accounts[name].encode(), "sha256")
        return TimestampSigner(secret, salt="rag.session", digest_method=hashlib.sha256)


class Failures:
    """The failed logins of the last minute, by the address that they came from."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[str, deque[float]] = {}

    def wait(self, address: str) -> int:
        """The seconds that an address has to wait before it may try again; 0 where it may now."""
        times = self._times.get(_network(address), deque())
        left = times[0] + WINDOW - self._clock() if len(times) >= GUESSES else 0
        return max(0, ceil(left))

    def add(self, address: str) -> None:
        """Notes a failure."""
        times = self._times.pop(_network(address), deque(maxlen=GUESSES))
        times.append(self._clock())
        self._times[_network(address)] = times
        if len(self._times) > _ADDRESSES:
            del self._times[next(iter(self._times))]  # the one whose last failure is oldest


def open_sessions(config: Config) -> Sessions | None:
    """The sessions of the accounts that `config` names; None where it names none. Raises what `session_key` raises."""
    return Sessions(config.accounts, session_key(config.home)) if config.accounts else None


def session_key(home: Path) -> bytes:
    """The secret of `home`, which is made where it is missing or damaged, readable for its owner alone.

    Raises `StoreError` where the file can't be read or written.
    """
    file = home / KEY_FILE
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(str(file.with_suffix(".lock")), timeout=_LOCK_SECONDS):
            if not file.exists() or len(file.read_bytes()) != _KEY_BYTES:
                file.unlink(missing_ok=True)
                with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
                    out.write(secrets.token_bytes(_KEY_BYTES))
            file.chmod(0o600)
            return file.read_bytes()
    except Timeout as e:
        raise Locked(f"Another process is writing {file}; try again when it is done.") from e
    except OSError as e:
        raise StoreError(f"{file} can't be read or written ({e.strerror or e}); logins need it.") from e


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _network(address: str) -> str:
    """One machine has all the addresses of an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
