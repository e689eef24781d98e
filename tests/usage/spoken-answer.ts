/** What a spoken answer used, most of its input cached: $0.2724 with gpt-realtime-2.1, as computed by hand in the test of the prices. */
export const spokenAnswer = {
  total_tokens: 16_200,
  input_tokens: 13_000,
  output_tokens: 3200,
  input_token_details: {
    text_tokens: 3000,
    audio_tokens: 10_000,
    cached_tokens: 9000,
    cached_tokens_details: { text_tokens: 1000, audio_tokens: 8000 },
  },
  output_token_details: { text_tokens: 200, audio_tokens: 3000 },
}
