/** The instructions of `/realtime`: a Jinja template with the menu and the response schema in scope. */
import { Template } from '@huggingface/jinja'
import type { PromptPaths } from './config.ts'

export const defaultMenuPath = 'menu/menu.ts'
export const defaultTemplatePath = 'prompt_templates/template.txt'

export interface Prompt {
  readonly instructions: string
  readonly warnings: readonly string[]
}

/**
 * Reads and renders the prompt, once at start.
 * @param read gives a file's text by its path below `runtime/`, or null when there is no such file
 * @returns instructions; warnings name a default menu that is missing (it renders as empty)
 * @throws Error naming the setting and the path of a file that is missing, or the path of a template that is not valid
 */
export function loadPrompt(paths: PromptPaths, read: (path: string) => string | null): Prompt {
  const warnings: string[] = []
  const required = (path: string, variable: string): string => {
    const text = read(path)
    if (text === null) throw new Error(`${variable}: "${path}" does not exist below runtime/`)
    return text
  }
  const templatePath = paths.template ?? defaultTemplatePath
  const template = required(templatePath, 'REALTIME_TEMPLATE_PATH')
  const menu = paths.menu === undefined ? read(defaultMenuPath) : required(paths.menu, 'REALTIME_MENU_PATH')
  if (menu === null)
    warnings.push(`The default menu "${defaultMenuPath}" does not exist below runtime/; it renders as empty`)
  const responseSchema = paths.schema === undefined ? '' : required(paths.schema, 'REALTIME_SCHEMA_PATH')
  try {
    return {
      instructions: renderPrompt(template, { menu: menu ?? '', response_schema: responseSchema }),
      warnings,
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`The template "${templatePath}" cannot be rendered: ${reason}`, { cause })
  }
}

/** Renders a Jinja template; `trim_blocks` and `lstrip_blocks` are on (the library's default). */
export function renderPrompt(template: string, scope: { menu: string; response_schema: string }): string {
  return new Template(template).render(scope).trim()
}
