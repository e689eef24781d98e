"""The official OpenAI SDK for Python, through the gateway: its base URL is all that changes."""

import asyncio
import os
import sys

from openai import AsyncOpenAI


async def ask(question: str) -> None:
    client = AsyncOpenAI(
        base_url=os.environ.get("GATEWAY_URL", "https://localhost:8080") + "/v1",
        # A credential of the gateway, where GATEWAY_AUTH asks for one; never the vendor's key.
        api_key=os.environ.get("GATEWAY_KEY", "unused"),
    )
    async with client.realtime.connect(model="gpt-realtime-2.1") as session:
        await session.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        content = [{"type": "input_text", "text": question}]
        await session.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await session.response.create()
        async for event in session:
            if event.type == "response.output_text.delta":
                print(event.delta, end="", flush=True)
            elif event.type == "error":
                sys.exit(event.error.message)
            elif event.type == "response.done":
                return


asyncio.run(ask(sys.argv[1] if len(sys.argv) > 1 else "count to five"))
