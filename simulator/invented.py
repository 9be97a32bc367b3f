"""Ids, people and texts that never existed, the same ones for the same seed."""

import base64
import random
import threading
import time
from collections.abc import Callable, Mapping

ACCOUNTS: Mapping[str, str] = {
    "instagram": "17841400555000111",
    "facebook": "100555000111222",
    "whatsapp": "200555000111333",
}
PHONE_NUMBER_ID = "300555000111444"
PHONE_NUMBER = "15550100777"

_OPENINGS = ("Hello", "Good evening", "Hi there", "Olá", "Grüß Gott", "مرحبا", "Hey 👋🏽")
_QUESTIONS = (
    "is the blue jacket still there in M?",
    "how long is the delivery?",
    "can I get 10% off if I take two? 🙏",
    "are you open on Sunday – or only on Saturday?",
    "I saw it at https://shop.example/summer?ref=story, is that the price?",
    "my parcel has not come yet 😕",
    "do you ship to Zürich?",
)


class Cast:
    """One seeded source of everything invented; safe to use from several threads.

    seed: None takes one from the system; `seed` tells which, so that any run can be repeated.
    clock: seconds since the epoch.
    """

    def __init__(self, seed: int | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.seed = random.SystemRandom().randrange(2**31) if seed is None else seed
        self._random = random.Random(self.seed)
        # Apart from the other, so that disorder and second deliveries change no id.
        self.order = random.Random(f"order {self.seed}")
        self._clock = clock
        self._last_ms = 0
        self._lock = threading.Lock()

    def mid(self, provider: str = "instagram") -> str:
        """A message id in the form of the provider."""
        with self._lock:
            token = base64.urlsafe_b64encode(self._random.randbytes(24)).decode().rstrip("=")
        if provider == "whatsapp":
            return f"wamid.{token}"
        return f"m_{token}" if provider == "facebook" else f"aWdfZAG1f{token}ZDZD"

    def person(self, provider: str = "instagram") -> str:
        """A customer's id; for WhatsApp, where it is a phone number, one of the numbers kept for fiction."""
        with self._lock:
            if provider == "whatsapp":
                return f"1555{self._random.randrange(10**7):07d}"
            return f"{self._random.choice('5678')}{self._random.randrange(10**15):015d}"

    def comment_id(self) -> str:
        with self._lock:
            return f"178{self._random.randrange(10**14):014d}"

    def text(self) -> str:
        with self._lock:
            return f"{self._random.choice(_OPENINGS)}, {self._random.choice(_QUESTIONS)}"

    def stamp_ms(self) -> int:
        """Milliseconds since the epoch, never the same twice, since provider time orders a conversation."""
        with self._lock:
            self._last_ms = max(self._last_ms + 1, int(self._clock() * 1000))
            return self._last_ms
