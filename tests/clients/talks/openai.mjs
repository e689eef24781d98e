/** The official client for Node, at the GA addresses. */
import OpenAI from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { answerCall, attach, refusalOf, say } from './openai-socket.mjs'
import {
  apiKey,
  expect,
  expectHiddenCalls,
  gateway,
  holdTalks,
  order,
  speechBase64,
  weatherParameters,
} from './stage.mjs'

const client = new OpenAI({ apiKey, baseURL: `${gateway}/v1` })

const open = async session =>
  attach(new OpenAIRealtimeWS({ model: 'gpt-realtime' }, client), session && { type: 'realtime', ...session })

await holdTalks({
  async text() {
    const { socket, next } = await open({ output_modalities: ['text'] })
    say(socket, 'hello there')
    const { text } = await next('response.output_text.done')
    expect(text === 'You said: hello there', `the answer, not ${text}`)
    await next('response.done')
    socket.close()
  },
  async voice() {
    const { socket, next } = await open(null)
    socket.send({ type: 'input_audio_buffer.append', audio: speechBase64() })
    await next('input_audio_buffer.speech_stopped')
    const { delta } = await next('response.output_audio.delta')
    expect(delta.length > 1000, 'audio')
    const { transcript } = await next('response.output_audio_transcript.done')
    expect(transcript.startsWith('I heard you speak'), `the transcript, not ${transcript}`)
    await next('response.done')
    socket.close()
  },
  async tool() {
    const tool = { type: 'function', name: 'get_weather', parameters: weatherParameters }
    const { socket, next } = await open({ output_modalities: ['text'], tools: [tool] })
    say(socket, 'weather in Oslo')
    const call = await next('response.function_call_arguments.done')
    expect(JSON.parse(call.arguments).city === 'Oslo', `Oslo, not ${call.arguments}`)
    await next('response.done')
    answerCall(socket, call.call_id, 'snow')
    const { text } = await next('response.output_text.done')
    expect(text === 'The tool answered: snow', `the tool's output, not ${text}`)
    socket.close()
  },
  async serverTool() {
    const atCafe = new OpenAI({ apiKey, baseURL: `${gateway}/v1?assistant=cafe` })
    const ws = new OpenAIRealtimeWS({ model: 'gpt-realtime' }, atCafe)
    const events = []
    ws.on('event', event => events.push(event))
    const { socket, next } = await attach(ws, { type: 'realtime', output_modalities: ['text'] })
    say(socket, order.asked)
    const { text } = await next('response.output_text.done')
    expect(text === order.answered, `the tool's words, not ${text}`)
    await next('response.done')
    expectHiddenCalls(events)
    socket.close()
  },
  async interruption() {
    const { socket, next } = await open(null)
    say(socket, 'count to 500')
    const { item_id } = await next('response.output_audio.delta')
    socket.send({ type: 'input_audio_buffer.append', audio: speechBase64(400, 0) })
    const { response } = await next('response.done')
    expect(response.status === 'cancelled', `a cancelled response, not ${response.status}`)
    expect(response.status_details.reason === 'turn_detected', 'turn_detected')
    socket.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 20 })
    const truncated = await next('conversation.item.truncated')
    expect(truncated.audio_end_ms === 20, 'the same place')
    socket.close()
  },
  async error() {
    const { socket, next } = await open(null)
    const error = await refusalOf(socket, { type: 'response.cancel', event_id: 'mine' })
    expect(error.code === 'response_cancel_not_active', `the code, not ${error.code}`)
    expect(error.event_id === 'mine', 'the id of the event that was refused')
    say(socket, 'go on')
    await next('error')
    await next('response.done')
    socket.close()
  },
  async transcription() {
    const input = { transcription: { model: 'gpt-live-transcribe' }, turn_detection: null }
    const { socket, next } = await attach(
      await OpenAIRealtimeWS.create(client, { intent: 'transcription' }),
      { type: 'transcription', audio: { input } },
    )
    socket.send({ type: 'input_audio_buffer.append', audio: speechBase64() })
    socket.send({ type: 'input_audio_buffer.commit' })
    const { transcript } = await next('conversation.item.input_audio_transcription.completed')
    expect(transcript.length > 0, 'a transcript')
    socket.close()
  },
})
