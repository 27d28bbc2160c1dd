import { batched, type Terminal } from './terminal';

let printed = false;

/** The one document on standard output. */
export function printJson(terminal: Terminal, value: unknown): void {
  printed = true;
  terminal.out.line(JSON.stringify(value, null, 2));
}

/** The same of a long one, which is never held as a whole. */
export async function printLongJson(terminal: Terminal, value: unknown): Promise<void> {
  printed = true;
  await batched(terminal.out, async (out, full) => {
    for (const piece of jsonPieces(value)) {
      out.write(piece);
      await full();
    }
    out.line();
  });
}

/** Who leaves in a hurry asks, so that there is no second one. */
export const isJsonPrinted = (): boolean => printed;

/** What JSON.stringify(value, null, 2) gives, without ever holding the text of a long list of a report at once. */
export function* jsonPieces(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return yield indented(value, '');
  let before = '{\n  ';
  for (const [name, each] of Object.entries(value)) {
    if (each === undefined) continue;
    yield `${before}${JSON.stringify(name)}: `;
    before = ',\n  ';
    if (Array.isArray(each) && each.length > 0) yield* list(each);
    else yield indented(each, '  ');
  }
  yield before.startsWith('{') ? '{}' : '\n}';
}

function* list(items: readonly unknown[]): Generator<string> {
  for (const [i, item] of items.entries())
    yield `${i === 0 ? '[' : ','}\n    ${indented(item === undefined ? null : item, '    ')}`;
  yield '\n  ]';
}

/** JSON has no line break within a string. */
const indented = (value: unknown, by: string): string =>
  JSON.stringify(value, null, 2).replaceAll('\n', `\n${by}`);
