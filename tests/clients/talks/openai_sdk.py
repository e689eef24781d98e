"""The official client for Python, at the GA addresses: asynchronous, and a text turn with the synchronous one."""

import asyncio
import contextlib
import json

from openai import AsyncOpenAI, OpenAI
from stage import API_KEY, GATEWAY, expect, hold_talks, note, speech_base64

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Talk:
    def __init__(self, connection) -> None:
        self.connection = connection

    async def next(self, kind: str):
        """The next event of a type; those before it are passed over. An error that was not asked for raises."""
        while True:
            event = await self.connection.recv()
            note(event.type)
            if event.type == kind:
                return event
            if event.type == "error":
                raise AssertionError(event.error.model_dump_json())

    async def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": content}
        )
        await self.connection.response.create()


@contextlib.asynccontextmanager
async def open_talk(session=None):
    client = AsyncOpenAI(api_key=API_KEY, base_url=f"{GATEWAY}/v1")
    async with client.realtime.connect(model="gpt-realtime") as connection:
        talk = Talk(connection)
        await talk.next("session.created")
        if session is not None:
            await connection.session.update(session={"type": "realtime", **session})
            await talk.next("session.updated")
        yield talk


async def text() -> None:
    async with open_talk({"output_modalities": ["text"]}) as talk:
        await talk.say("hello there")
        done = await talk.next("response.output_text.done")
        expect(done.text == "You said: hello there", f"the answer, not {done.text}")
        await talk.next("response.done")


async def synchronous() -> None:
    await asyncio.to_thread(talk_synchronously)


def talk_synchronously() -> None:
    client = OpenAI(api_key=API_KEY, base_url=f"{GATEWAY}/v1")
    with client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        content = [{"type": "input_text", "text": "hello there"}]
        connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        connection.response.create()
        for event in connection:
            note(event.type)
            expect(event.type != "error", "no error")
            if event.type == "response.output_text.done":
                expect(event.text == "You said: hello there", f"the answer, not {event.text}")
            if event.type == "response.done":
                return


async def voice() -> None:
    async with open_talk() as talk:
        await talk.connection.input_audio_buffer.append(audio=speech_base64())
        await talk.next("input_audio_buffer.speech_stopped")
        delta = await talk.next("response.output_audio.delta")
        expect(len(delta.delta) > 1000, "audio")
        done = await talk.next("response.output_audio_transcript.done")
        expect(done.transcript.startswith("I heard you speak"), f"the transcript, not {done.transcript}")
        await talk.next("response.done")


async def tool() -> None:
    async with open_talk({"output_modalities": ["text"], "tools": [WEATHER]}) as talk:
        await talk.say("weather in Oslo")
        call = await talk.next("response.function_call_arguments.done")
        expect(json.loads(call.arguments)["city"] == "Oslo", f"Oslo, not {call.arguments}")
        expect(call.name == "get_weather", f"the name, not {call.name}")
        await talk.next("response.done")
        await talk.connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "snow"}
        )
        await talk.connection.response.create()
        done = await talk.next("response.output_text.done")
        expect(done.text == "The tool answered: snow", f"the tool's output, not {done.text}")


async def interruption() -> None:
    async with open_talk() as talk:
        await talk.say("count to 500")
        delta = await talk.next("response.output_audio.delta")
        await talk.connection.input_audio_buffer.append(audio=speech_base64(400, 0))
        done = await talk.next("response.done")
        expect(done.response.status == "cancelled", f"a cancelled response, not {done.response.status}")
        expect(done.response.status_details.reason == "turn_detected", "turn_detected")
        await talk.connection.conversation.item.truncate(
            item_id=delta.item_id, content_index=0, audio_end_ms=20
        )
        truncated = await talk.next("conversation.item.truncated")
        expect(truncated.audio_end_ms == 20, "the same place")


async def error() -> None:
    async with open_talk() as talk:
        await talk.connection.response.cancel(event_id="mine")
        refusal = await talk.next("error")
        expect(refusal.error.code == "response_cancel_not_active", f"the code, not {refusal.error.code}")
        expect(refusal.error.event_id == "mine", "the id of the event that was refused")
        await talk.say("go on")
        await talk.next("response.done")


async def transcription() -> None:
    client = AsyncOpenAI(api_key=API_KEY, base_url=f"{GATEWAY}/v1")
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        talk = Talk(connection)
        await talk.next("session.created")
        audio = {"input": {"transcription": {"model": "gpt-live-transcribe"}, "turn_detection": None}}
        await connection.session.update(session={"type": "transcription", "audio": audio})
        await talk.next("session.updated")
        await connection.input_audio_buffer.append(audio=speech_base64())
        await connection.input_audio_buffer.commit()
        done = await talk.next("conversation.item.input_audio_transcription.completed")
        expect(done.transcript != "", "a transcript")


async def keys() -> None:
    client = AsyncOpenAI(api_key=API_KEY, base_url=f"{GATEWAY}/v1")
    secret = await client.realtime.client_secrets.create(session={"type": "realtime", "model": "gpt-realtime"})
    expect(secret.value.startswith("ek_"), "an ephemeral key")
    expect(secret.session.type == "realtime", "the session")


hold_talks(
    {
        "text": text,
        "synchronous": synchronous,
        "voice": voice,
        "tool": tool,
        "interruption": interruption,
        "error": error,
        "keys": keys,
        "transcription": transcription,
    }
)
