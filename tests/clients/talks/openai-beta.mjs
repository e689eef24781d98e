/** The official client's interface of 2024-25: the preview dialect, by `OpenAI-Beta: realtime=v1`. */
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/beta/realtime/ws'
import { answerCall, attach, refusalOf, say } from './openai-socket.mjs'
import { apiKey, expect, gateway, holdTalks, speechBase64, weatherParameters } from './stage.mjs'

const client = new OpenAI({ apiKey, baseURL: `${gateway}/v1` })

const open = async session => attach(new OpenAIRealtimeWS({ model: 'gpt-realtime' }, client), session)

await holdTalks({
  async text() {
    const { socket, next } = await open({ modalities: ['text'] })
    say(socket, 'hello there')
    const { item } = await next('conversation.item.created')
    expect(item.role === 'user', 'the item of the user')
    const { text } = await next('response.text.done')
    expect(text === 'You said: hello there', `the answer, not ${text}`)
    await next('response.done')
    socket.close()
  },
  async voice() {
    const { socket, next } = await open(null)
    socket.send({ type: 'input_audio_buffer.append', audio: speechBase64() })
    await next('input_audio_buffer.speech_stopped')
    const { delta } = await next('response.audio.delta')
    expect(delta.length > 1000, 'audio')
    const { transcript } = await next('response.audio_transcript.done')
    expect(transcript.startsWith('I heard you speak'), `the transcript, not ${transcript}`)
    await next('response.done')
    socket.close()
  },
  async tool() {
    const tool = { type: 'function', name: 'get_weather', parameters: weatherParameters }
    const { socket, next } = await open({ modalities: ['text'], tools: [tool], tool_choice: 'auto' })
    say(socket, 'weather in Oslo')
    const call = await next('response.function_call_arguments.done')
    expect(JSON.parse(call.arguments).city === 'Oslo', `Oslo, not ${call.arguments}`)
    await next('response.done')
    answerCall(socket, call.call_id, 'snow')
    const { text } = await next('response.text.done')
    expect(text === 'The tool answered: snow', `the tool's output, not ${text}`)
    socket.close()
  },
  async interruption() {
    const { socket, next } = await open(null)
    say(socket, 'count to 500')
    const { item_id } = await next('response.audio.delta')
    socket.send({ type: 'response.cancel' })
    const { response } = await next('response.done')
    expect(response.status === 'cancelled', `a cancelled response, not ${response.status}`)
    socket.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 20 })
    await next('conversation.item.truncated')
    socket.close()
  },
  async error() {
    const { socket } = await open(null)
    const error = await refusalOf(socket, {
      type: 'session.update',
      session: { turn_detection: { type: 'nonsense' } },
    })
    expect(error.param === 'session.turn_detection.type', `the field by its own name, not ${error.param}`)
    socket.close()
  },
})
