"""The agents SDK for Python, with its defaults, over WebSocket."""

import contextlib

from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.realtime.model_inputs import RealtimeModelRawClientMessage, RealtimeModelSendRawMessage
from stage import API_KEY, GATEWAY_SOCKET, expect, hold_talks, note, speech

# Its tracing goes to OpenAI by HTTP and is no part of a conversation.
set_tracing_disabled(True)


class Talk:
    def __init__(self, session) -> None:
        self.session = session
        self.events = session.__aiter__()
        self.history = []
        self.audio = 0
        self.kinds = []

    async def step(self):
        """The next event of the session. An error raises."""
        event = await anext(self.events)
        kind = event.type
        if kind == "raw_model_event":
            raw = event.data
            kind = raw.data.get("type", "") if raw.type == "raw_server_event" else raw.type
        note(kind)
        self.kinds.append(kind)
        if event.type == "error":
            raise AssertionError(str(event.error))
        if event.type == "audio":
            self.audio += len(event.audio.data)
        if event.type == "history_updated":
            self.history = event.history
        if event.type == "history_added":
            self.history = [*self.history, event.item]
        return event

    async def seen(self, kind: str) -> None:
        while kind not in self.kinds:
            await self.step()

    async def said(self, words: str) -> None:
        while not any(words in answer for answer in self.answers()):
            await self.step()

    def answers(self):
        for item in self.history:
            if getattr(item, "role", None) == "assistant":
                for part in item.content:
                    yield getattr(part, "transcript", None) or getattr(part, "text", None) or ""


@contextlib.asynccontextmanager
async def open_talk():
    asked = []

    @function_tool
    def get_weather(city: str) -> str:
        """Tells the weather."""
        asked.append(city)
        return f"sunny in {city}"

    agent = RealtimeAgent(name="helper", instructions="Be brief.", tools=[get_weather])
    # The address names the model, as `url` is taken whole.
    address = f"{GATEWAY_SOCKET}/v1/realtime?model=gpt-realtime-2.1"
    session = await RealtimeRunner(agent).run(model_config={"api_key": API_KEY, "url": address})
    async with session:
        talk = Talk(session)
        talk.asked = asked
        yield talk


async def text() -> None:
    async with open_talk() as talk:
        await talk.session.send_message("hello there")
        await talk.said("You said: hello there")


async def voice() -> None:
    async with open_talk() as talk:
        await talk.session.send_audio(speech(1000, 3000))
        await talk.said("I heard you speak")
        await talk.seen("conversation.item.input_audio_transcription.completed")
        expect(talk.audio > 1000, "audio")


async def tool() -> None:
    async with open_talk() as talk:
        await talk.session.send_message("what is the weather in Bergen")
        await talk.said("sunny in Bergen")
        expect(talk.asked == ["Bergen"], f"one call, not {talk.asked}")


async def interruption() -> None:
    async with open_talk() as talk:
        await talk.session.send_message("count to 800")
        while talk.audio < 4800:
            await talk.step()
        # With turn detection its own `interrupt()` leaves the answer to the server, which hears who speaks.
        await talk.session.send_audio(speech(1000, 0))
        await talk.seen("audio_interrupted")
        await talk.seen("conversation.item.truncated")
        await talk.seen("response.done")
        await talk.session.send_message("are you there")
        await talk.said("You said: are you there")


async def error() -> None:
    async with open_talk() as talk:
        message: RealtimeModelRawClientMessage = {"type": "response.cancel"}
        await talk.session.model.send_event(RealtimeModelSendRawMessage(message=message))
        try:
            await talk.seen("nothing of this name")
        except AssertionError as reported:
            expect("response_cancel_not_active" in str(reported), f"the code, not {reported}")


hold_talks(
    {"text": text, "voice": voice, "tool": tool, "interruption": interruption, "error": error}
)
