/** Single faults that can be planted in a source file, found on its TypeScript syntax tree. Pure. */
import ts from 'typescript'

export type MutantKind =
  | 'condition negated'
  | 'statement dropped'
  | 'callback dropped'
  | 'and/or swapped'
  | 'boundary moved'
  | 'returns early'
  | 'constant changed'
  | 'await dropped'
  | 'true/false swapped'

/** One fault: the text from `start` to `end` of a file is replaced. */
export interface Mutant {
  /** Path from the root. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** The line that it begins on, as it is in the source, trimmed. */
  readonly text: string
  readonly kind: MutantKind
  readonly start: number
  readonly end: number
  readonly replacement: string
  /** What runs from here on to `end` may be changed by it: `start`, or the left side of an operator that is swapped. */
  readonly runsFrom: number
  /** What is planted, on one line: `before → after`. */
  readonly shown: string
}

/** More characters of a mutant's text than this are not shown. */
const maxShownChars = 90

/** Operators and what they become. Equality is negated, as a condition is. */
const swaps = new Map<ts.SyntaxKind, readonly [kind: MutantKind, operator: string]>([
  [ts.SyntaxKind.AmpersandAmpersandToken, ['and/or swapped', '||']],
  [ts.SyntaxKind.BarBarToken, ['and/or swapped', '&&']],
  [ts.SyntaxKind.LessThanToken, ['boundary moved', '<=']],
  [ts.SyntaxKind.LessThanEqualsToken, ['boundary moved', '<']],
  [ts.SyntaxKind.GreaterThanToken, ['boundary moved', '>=']],
  [ts.SyntaxKind.GreaterThanEqualsToken, ['boundary moved', '>']],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, ['condition negated', '!==']],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, ['condition negated', '===']],
])

/**
 * Finds every fault that may be planted in a file.
 * Left out, because no test can or should notice them: types, imports, what is written to the log, the words of
 * errors, and a `return` or `continue` that ends what ends there anyway.
 * @param file path from the root
 */
export function findMutants(file: string, source: string): Mutant[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.ESNext, true, ts.ScriptKind.TS)
  const lines = source.split('\n')
  const mutants: Mutant[] = []
  const add = (kind: MutantKind, node: ts.Node, replacement: string) => {
    const [start, end] = [node.getStart(tree), node.getEnd()]
    const { line } = tree.getLineAndCharacterOfPosition(start)
    mutants.push({
      ...{ file, kind, start, end, replacement },
      // Coverage counts an operator to its right side, which may be left out.
      runsFrom: kind === 'and/or swapped' ? node.parent.getStart(tree) : start,
      line: line + 1,
      text: (lines[line] ?? '').trim(),
      shown: `${fitLine(source.slice(start, end))} → ${fitLine(replacement) || 'nothing'}`,
    })
  }
  const visit = (node: ts.Node): void => {
    if (isSilent(node)) return
    addMutantsOf(node, add, tree)
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return mutants
}

/** The source with a mutant planted. */
export function plant(source: string, { start, end, replacement }: Mutant): string {
  return source.slice(0, start) + replacement + source.slice(end)
}

type Add = (kind: MutantKind, node: ts.Node, replacement: string) => void

function addMutantsOf(node: ts.Node, add: Add, tree: ts.SourceFile): void {
  const textOf = (part: ts.Node) => part.getText(tree)
  const condition = conditionOf(node)
  if (condition !== undefined && !isSwappedEquality(condition))
    add('condition negated', condition, `!(${textOf(condition)})`)
  if (ts.isBinaryExpression(node)) {
    const swap = swaps.get(node.operatorToken.kind)
    if (swap !== undefined) add(swap[0], node.operatorToken, swap[1])
  } else if (ts.isAwaitExpression(node)) {
    add('await dropped', node, textOf(node.expression))
  } else if (isDroppable(node)) {
    add(isCallback(node) ? 'callback dropped' : 'statement dropped', node, ';')
  } else if (isOptionalCall(node) && !ts.isExpressionStatement(node.parent)) {
    add('callback dropped', node, 'undefined')
  } else if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword) {
    add('true/false swapped', node, node.kind === ts.SyntaxKind.TrueKeyword ? 'false' : 'true')
  } else if (ts.isNumericLiteral(node)) {
    const value = Number(node.text)
    add('constant changed', node, String(value === 0 ? 1 : value === 1 ? 2 : 2 * value))
  } else if (ts.isStringLiteral(node) && node.text !== '' && !isName(node)) {
    add('constant changed', node, `'~'`)
  }
  if (ts.isBlock(node) && returnsEarly(node)) {
    const open = node.getFirstToken(tree)
    if (open !== undefined) add('returns early', open, '{ return;')
  }
}

function conditionOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node)) return node.expression
  if (ts.isConditionalExpression(node) || ts.isForStatement(node)) return node.condition
  return undefined
}

/** Whether the negation is what swapping its operator already does. */
function isSwappedEquality(node: ts.Expression): boolean {
  return ts.isBinaryExpression(node) && swaps.get(node.operatorToken.kind)?.[0] === 'condition negated'
}

/** Code whose change cannot or should not be noticed: types, imports, log lines and words of errors. */
function isSilent(node: ts.Node): boolean {
  if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return true
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return true
  if (ts.isExpressionStatement(node)) return isLogCall(node.expression)
  if (isLogCall(node)) return true
  // A variable that holds an error's words.
  if (ts.isVariableDeclaration(node)) return node.name.getText() === 'message'
  if (!ts.isExpression(node) || !ts.isNewExpression(node.parent) || node === node.parent.expression)
    return false
  const [code] = node.parent.arguments ?? []
  const made = node.parent.expression.getText()
  // `new GatewayError(code, words, more)`: codes and what is told besides are read by clients, words by people.
  if (made === 'GatewayError') return node === node.parent.arguments?.[1]
  return made.endsWith('Error') && node === code
}

function isLogCall(node: ts.Node): boolean {
  if (!ts.isCallExpression(node)) return false
  return /(?:^|[.#])log\??\.(?:info|warn|error)$/.test(node.expression.getText())
}

/** Statements that can be left out, and leave a program that runs. */
function isDroppable(node: ts.Node): node is ts.Statement {
  if (ts.isThrowStatement(node)) return true
  if (ts.isReturnStatement(node)) return node.expression === undefined && !endsItsFunction(node)
  if (ts.isContinueStatement(node)) return !endsItsFunction(node)
  if (!ts.isExpressionStatement(node)) return false
  const called = ts.isAwaitExpression(node.expression) ? node.expression.expression : node.expression
  return !(ts.isCallExpression(called) && called.expression.kind === ts.SyntaxKind.SuperKeyword)
}

/** Whether nothing follows a statement before its function, or its loop, is over. */
function endsItsFunction(node: ts.Statement): boolean {
  const { parent } = node
  if (ts.isBlock(parent) || ts.isSourceFile(parent)) {
    if (parent.statements.at(-1) !== node) return false
    if (ts.isFunctionLike(parent.parent) || ts.isIterationStatement(parent.parent, false)) return true
    return ts.isBlock(parent) && ts.isStatement(parent.parent) && endsItsFunction(parent.parent)
  }
  return ts.isIfStatement(parent) && endsItsFunction(parent)
}

/** A call of what was handed in: a parameter, a hook, a listener, or what may be absent. */
function isCallback(statement: ts.Statement): boolean {
  if (!ts.isExpressionStatement(statement)) return false
  const { expression } = statement
  const call = ts.isAwaitExpression(expression) ? expression.expression : expression
  if (!ts.isCallExpression(call)) return false
  if (isOptionalCall(call)) return true
  const { expression: callee } = call
  if (ts.isIdentifier(callee)) return isParameter(callee)
  return (
    ts.isPropertyAccessExpression(callee) && /(?:hooks|listener|owner|on[A-Z]\w*)\b/.test(callee.getText())
  )
}

function isOptionalCall(node: ts.Node): boolean {
  return ts.isCallExpression(node) && node.questionDotToken !== undefined
}

function isParameter(name: ts.Identifier): boolean {
  for (let node: ts.Node = name; node.parent !== undefined; node = node.parent) {
    if (ts.isFunctionLike(node) && node.parameters.some(parameter => parameter.name.getText() === name.text))
      return true
  }
  return false
}

/** A string that only names a field, a module or a case of a closed union is no value. */
function isName({ parent }: ts.StringLiteral): boolean {
  return (
    (ts.isPropertyAssignment(parent) && ts.isStringLiteral(parent.name)) ||
    ts.isExternalModuleReference(parent)
  )
}

/** Function bodies of more than one statement: of one, the same is done by leaving that out. */
function returnsEarly(block: ts.Block): boolean {
  if (!ts.isFunctionLike(block.parent) || ts.isConstructorDeclaration(block.parent)) return false
  const [first] = block.statements
  if (first === undefined) return false
  return block.statements.length > 1 || !isDroppable(first)
}

function fitLine(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim().replace(/^;$/, '')
  return line.length > maxShownChars ? `${line.slice(0, maxShownChars - 1)}…` : line
}
