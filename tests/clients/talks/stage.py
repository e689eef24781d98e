"""What the talks of the Python clients share: where the gateway is, what is said, and how the outcome is told."""

import array
import asyncio
import base64
import json
import math
import os
import sys

GATEWAY = os.environ["GATEWAY_URL"]
"""`https://HOST:PORT`; its certificate is trusted by SSL_CERT_FILE."""

GATEWAY_SOCKET = GATEWAY.replace("http", "ws", 1)

API_KEY = "sk-anything"
"""A key that a gateway without GATEWAY_AUTH does not look at."""

DEADLINE_SEC = int(os.environ["TALK_DEADLINE_MS"]) / 1000
"""A talk that takes longer has failed."""

RATE = 24_000

_seen: list[str] = []


def note(kind: str) -> None:
    """Notes an event's type, so that a talk that hangs can say where."""
    if not _seen or _seen[-1] != kind:
        _seen.append(kind)
    del _seen[:-6]


def expect(holds: bool, what: str) -> None:
    """Raises unless something holds. `what` says what did not."""
    if not holds:
        raise AssertionError(f"expected {what}; seen last: {', '.join(_seen) or 'nothing'}")


def speech(tone_ms: int = 1000, silence_ms: int = 1000) -> bytes:
    """What the simulator hears as speech, and silence after it: PCM16, 24 kHz, mono."""
    tone = (
        round(8000 * math.sin(2 * math.pi * 220 * index / RATE)) for index in range(tone_ms * RATE // 1000)
    )
    samples = array.array("h", tone)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes() + bytes(silence_ms * RATE // 1000 * 2)


def speech_base64(tone_ms: int = 1000, silence_ms: int = 1000) -> str:
    """The same in base64."""
    return base64.b64encode(speech(tone_ms, silence_ms)).decode()


def hold_talks(talks: dict) -> None:
    """Runs talks one after another and prints a JSON line for each: `{"talk": "text", "fault": null}`."""
    asyncio.run(_hold(talks))


async def _hold(talks: dict) -> None:
    for name, talk in talks.items():
        _seen.clear()
        fault = None
        try:
            await asyncio.wait_for(talk(), DEADLINE_SEC)
        except TimeoutError:
            fault = f"no end within {DEADLINE_SEC:.0f} s; seen last: {', '.join(_seen) or 'nothing'}"
        except Exception as problem:
            fault = f"{type(problem).__name__}: {problem}"
        print(json.dumps({"talk": name, "fault": fault}), flush=True)
    # A client that left a task or a thread behind must not keep the run.
    os._exit(0)
