/** A snapshot as it is written, an object a line: read without ever holding its text, which is as large as all objects. */
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const CHUNK = 64 * 1024;

export function* linesOf(file: string): Generator<string> {
  const handle = openSync(file, 'r');
  try {
    const decoder = new StringDecoder('utf8');
    const chunk = Buffer.alloc(CHUNK);
    let rest = '';
    for (let size = readSync(handle, chunk); size > 0; size = readSync(handle, chunk)) {
      const lines = (rest + decoder.write(chunk.subarray(0, size))).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
    yield rest + decoder.end();
  } finally {
    closeSync(handle);
  }
}

/** The document; null where it is no JSON, or is laid out otherwise and has to be read as a whole. */
export function documentOf(lines: Iterable<string>): unknown {
  const lists: unknown[][] = [];
  let frame = '';
  let list: unknown[] | null = null;
  let isOpen = false;
  try {
    for (const line of lines) {
      const isObject = list !== null && line.startsWith('{');
      // A comma before each object but the first, and nowhere else.
      if (list !== null && list.length > 0 && isOpen !== isObject) return null;
      if (isObject) {
        isOpen = line.endsWith(',');
        list!.push(JSON.parse(isOpen ? line.slice(0, -1) : line));
        continue;
      }
      list = line.endsWith(': [') ? [] : null;
      // In its place stands its number.
      frame += list === null ? `${line}\n` : `${line}${lists.push(list) - 1}`;
    }
    return JSON.parse(frame, (_name, value) =>
      Array.isArray(value) && typeof value[0] === 'number' ? lists[value[0]] : value,
    );
  } catch (error) {
    // So deep that the stack ends.
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}
