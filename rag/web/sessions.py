"""Who may use the page: passwords, the cookies of those who gave one, and how often somebody may guess."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
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
"""Failed logins to one name that one address may have within so many seconds."""
GUESSES_OF_ADDRESS = 100
"""Failed logins of one address, whatever the names, within `WINDOW`: a proxy may stand for a department."""
GUESSES_OF_NAME, WINDOW_OF_NAME = 50, 3600
"""Failed logins to one name, wherever they come from, within so many seconds."""
_REMEMBERED = 30_000  # Failures are remembered of so many names and addresses at most.
REVOKED_FILE = "session.revoked"
"""In the home: digests of the cookies of those who have logged out, with the time at which each would have ended."""
_KEY_BYTES = 32
_LOCK_SECONDS = 10.0


class Sessions:
    """The names and passwords of those who may use the page, and the secret behind their cookies."""

    def __init__(self, accounts: Mapping[str, str], key: bytes, revoked: Path | None = None) -> None:
        self._accounts = dict(accounts)
        self._key = key
        self._file = revoked
        self._revoked: tuple[object, frozenset[str]] = (None, frozenset())
        # Two servers of one machine share its cookies, whatever their ports.
        self.cookie = f"rag_session_{hashlib.sha256(key).hexdigest()[:8]}"

    def authentic(self, name: str, password: str) -> bool:
        """Whether this is the password of `name`; the time it takes tells nothing about either."""
        held = self._accounts.get(name, "")
        same = hmac.compare_digest(_digest(password), _digest(held))
        return same and name in self._accounts

    def issue(self, name: str) -> str:
        """The value of the cookie for one who has given the password."""
        return self._signer(name).sign(f"{name}.{secrets.token_hex(8)}").decode()

    def name(self, cookie: str) -> str | None:
        """Whose cookie this is; None where it is forged, too old, or of a password that has changed."""
        name = cookie.rsplit(".", 3)[0]
        if name not in self._accounts or _fingerprint(cookie) in self._ended():
            return None
        try:
            self._signer(name).unsign(cookie, max_age=LIFETIME)
            return name
        except (BadSignature, ValueError):
            return None

    def revoke(self, cookie: str) -> None:
        """Ends a login: its cookie, wherever it was copied to, is good for nothing any more. Raises `StoreError`."""
        if self._file is None or self.name(cookie) is None:
            return
        try:
            with FileLock(str(self._file.with_suffix(".lock")), timeout=_LOCK_SECONDS):
                kept = [line for line in _lines(self._file) if float(line.split()[1]) > time.time()]
                kept.append(f"{_fingerprint(cookie)} {time.time() + LIFETIME:.0f}")
                draft = self._file.with_suffix(".draft")
                draft.write_text("\n".join(kept) + "\n", encoding="ascii")
                draft.replace(self._file)
        except (OSError, Timeout) as e:
            raise StoreError(f"{self._file} can't be written ({e}), so that nobody is logged out.") from e

    def _ended(self) -> frozenset[str]:
        """The digests of revoked cookies, read again where another process has added to them."""
        try:
            state = self._file.stat() if self._file else None
        except OSError:
            state = None
        key = state and (state.st_mtime_ns, state.st_size, state.st_ino)
        if self._file and key != self._revoked[0]:
            self._revoked = key, frozenset(line.split()[0] for line in _lines(self._file))
        return self._revoked[1]

    def _signer(self, name: str) -> TimestampSigner:
        # The password is part of the secret: with another one, the cookies of before are not ours.
        secret = hmac.digest(self._key, self._accounts[name].encode(), "sha256")
        return TimestampSigner(secret, salt="rag.session", digest_method=hashlib.sha256)


class Failures:
    """The failed logins of the last minutes: of a name from an address, of an address, and of a name.

    An address can be one that many share, as behind a proxy, or one that was made up: hence all three. Who has given
    the password of a name from an address is not shut out there by those who guess at it from elsewhere.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: dict[tuple[str, ...], deque[float]] = {}
        self._known: dict[tuple[str, str], None] = {}

    def wait(self, address: str, name: str) -> int:
        """The seconds to wait before somebody at an address may try a name again; 0 where they may now."""
        limits = _limits(address, name)
        known = (_network(address), name) in self._known
        return max(self._left(*limit) for limit in (limits[:1] if known else limits))

    def passed(self, address: str, name: str) -> None:
        """Notes that somebody at an address gave the password of a name."""
        self._known[_network(address), name] = None
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]

    def add(self, address: str, name: str) -> None:
        """Notes a failure."""
        for key, most, _ in _limits(address, name):
            times = self._times.pop(key, deque(maxlen=most))
            times.append(self._clock())
            self._times[key] = times
        while len(self._times) > _REMEMBERED:
            del self._times[next(iter(self._times))]  # the one whose last failure is oldest

    def _left(self, key: tuple[str, ...], most: int, window: int) -> int:
        times = self._times.get(key, deque())
        return max(0, ceil(times[0] + window - self._clock())) if len(times) >= most else 0


def _limits(address: str, name: str) -> tuple[tuple[tuple[str, ...], int, int], ...]:
    network = _network(address)
    return (
        (("both", network, name), GUESSES, WINDOW),
        (("address", network), GUESSES_OF_ADDRESS, WINDOW),
        (("name", name), GUESSES_OF_NAME, WINDOW_OF_NAME),
    )


def open_sessions(config: Config) -> Sessions | None:
    """The sessions of the accounts that `config` names; None where it names none. Raises what `session_key` raises."""
    if not config.accounts:
        return None
    return Sessions(config.accounts, session_key(config.home), config.home / REVOKED_FILE)


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


def _fingerprint(cookie: str) -> str:
    # Of what is signed: a signature can be written in several ways.
    return hashlib.sha256(cookie.rpartition(".")[0].encode("utf-8", "surrogatepass")).hexdigest()


def _lines(file: Path) -> list[str]:
    """The lines of the file of revoked cookies that are whole; none where it isn't there."""
    try:
        text = file.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if re.fullmatch(r"[0-9a-f]{64} \d+", line)]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _network(address: str) -> str:
    """One machine has all the addresses of an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
