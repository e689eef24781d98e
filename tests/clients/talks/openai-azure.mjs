/** The official client's Azure class: `api-key`, the deployment in `?model=`, below `/openai/v1`. */
import { AzureOpenAI } from 'openai'
import { OpenAIRealtimeWS } from 'openai/realtime/ws'
import { attach, refusalOf, say } from './openai-socket.mjs'
import { apiKey, expect, gateway, holdTalks, speechBase64, weatherParameters } from './stage.mjs'

const client = new AzureOpenAI({
  apiKey,
  endpoint: gateway,
  apiVersion: '2025-08-28',
  deployment: 'gpt-realtime',
})

const open = async session =>
  attach(
    await OpenAIRealtimeWS.azure(client, { deploymentName: 'gpt-realtime' }),
    session && { type: 'realtime', ...session },
  )

await holdTalks({
  async text() {
    const { socket, next } = await open({ output_modalities: ['text'] })
    say(socket, 'hello there')
    const { text } = await next('response.output_text.done')
    expect(text === 'You said: hello there', `the answer, not ${text}`)
    socket.close()
  },
  async voice() {
    const { socket, next } = await open(null)
    socket.send({ type: 'input_audio_buffer.append', audio: speechBase64() })
    await next('input_audio_buffer.speech_stopped')
    await next('response.output_audio.delta')
    const { transcript } = await next('response.output_audio_transcript.done')
    expect(transcript.startsWith('I heard you speak'), `the transcript, not ${transcript}`)
    socket.close()
  },
  async tool() {
    const tool = { type: 'function', name: 'get_weather', parameters: weatherParameters }
    const { socket, next } = await open({ output_modalities: ['text'], tools: [tool] })
    say(socket, 'weather in Oslo')
    const call = await next('response.function_call_arguments.done')
    expect(JSON.parse(call.arguments).city === 'Oslo', `Oslo, not ${call.arguments}`)
    socket.close()
  },
  async interruption() {
    const { socket, next } = await open(null)
    say(socket, 'count to 500')
    await next('response.output_audio.delta')
    socket.send({ type: 'input_audio_buffer.append', audio: speechBase64(400, 0) })
    const { response } = await next('response.done')
    expect(response.status === 'cancelled', `a cancelled response, not ${response.status}`)
    socket.close()
  },
  async error() {
    const { socket } = await open(null)
    const error = await refusalOf(socket, { type: 'response.cancel' })
    expect(error.code === 'response_cancel_not_active', `the code, not ${error.code}`)
    socket.close()
  },
})
