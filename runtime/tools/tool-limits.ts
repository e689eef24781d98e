/** Bounds of a call, in a host and in tests. What is stored with a conversation has its bounds in `resume/tool-journal.ts`. */

/** Events of one call to the client. */
export const maxEmissions = 32
/** Their data together, as JSON (bytes). */
export const maxEmittedBytes = 64 * 1024
/** Of a message for the model about a call that failed (characters). */
export const maxMessageChars = 1024
/** Tools run in a drain until so long before its deadline (ms): what they return is told to the model then. */
export const drainReserveMs = 5000
