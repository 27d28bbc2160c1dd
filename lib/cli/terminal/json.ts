import { type Terminal, writeInBatches } from './terminal';

let hasPrintedJson = false;

/** Prints the only JSON document on standard output. */
export function printJson(terminal: Terminal, value: unknown): void {
  hasPrintedJson = true;
  terminal.out.line(JSON.stringify(value, null, 2));
}

/** Prints a long document in pieces, so that its text is never in memory as a whole. */
export async function printLongJson(terminal: Terminal, value: unknown): Promise<void> {
  hasPrintedJson = true;
  await writeInBatches(terminal.out, async (out, full) => {
    for (const piece of generateJson(value)) {
      out.write(piece);
      await full();
    }
    out.line();
  });
}

/** Tells whether the document was printed, so that an interrupt prints no second one. */
export const isJsonPrinted = (): boolean => hasPrintedJson;

/**
 * Yields the text of JSON.stringify(value, null, 2) in pieces, so that a long list of a report is never in memory as a
 * whole.
 */
export function* generateJson(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return yield formatIndented(value, '');
  let before = '{\n  ';
  for (const [name, each] of Object.entries(value)) {
    if (each === undefined) continue;
    yield `${before}${JSON.stringify(name)}: `;
    before = ',\n  ';
    if (Array.isArray(each) && each.length > 0) yield* generateList(each);
    else yield formatIndented(each, '  ');
  }
  yield before.startsWith('{') ? '{}' : '\n}';
}

function* generateList(items: readonly unknown[]): Generator<string> {
  for (const [i, item] of items.entries())
    yield `${i === 0 ? '[' : ','}\n    ${formatIndented(item === undefined ? null : item, '    ')}`;
  yield '\n  ]';
}

/** JSON strings contain no line breaks, so every line can be indented. */
const formatIndented = (value: unknown, by: string): string =>
  JSON.stringify(value, null, 2).replaceAll('\n', `\n${by}`);
