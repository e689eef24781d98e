/** What every command of the terminal does with its words. */

/** A command was called in a way that it does not know. */
export class UsageError extends Error {}

/**
 * Runs a command. `--help` prints how it is called and does nothing else; a fault is one sentence, without a stack, and
 * one of usage is followed by the help (exit code 1, of usage 2).
 * @param help how it is called, and what it does
 * @param run takes the words after the command's name
 */
export async function runCommand(
  help: string,
  run: (words: readonly string[]) => void | Promise<void>,
): Promise<void> {
  const words = process.argv.slice(2)
  if (words.includes('--help')) {
    console.log(help)
    return
  }
  try {
    await run(words)
  } catch (fault) {
    const isUsage = fault instanceof UsageError
    const message = fault instanceof Error ? fault.message : String(fault)
    console.error(isUsage ? `${message}\n\n${help}` : message)
    process.exitCode = isUsage ? 2 : 1
  }
}
