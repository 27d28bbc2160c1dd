/**
 * Reads a snapshot file line by line, one object at a time, so that the text, which is as large as all objects
 * together, is never in memory as a whole.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const CHUNK_BYTES = 64 * 1024;

export function* readLines(file: string): Generator<string> {
  const handle = openSync(file, 'r');
  try {
    const decoder = new StringDecoder('utf8');
    const chunk = Buffer.alloc(CHUNK_BYTES);
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

/** Parses the document; `null` if it is not JSON or has another layout, so that it has to be read as a whole. */
export function parseDocument(lines: Iterable<string>): unknown {
  const lists: unknown[][] = [];
  let frame = '';
  let list: unknown[] | null = null;
  let isOpen = false;
  try {
    for (const line of lines) {
      const isObject = list !== null && line.startsWith('{');
      // Each object but the first must follow a comma, and there must be no other comma.
      if (list !== null && list.length > 0 && isOpen !== isObject) return null;
      if (isObject) {
        isOpen = line.endsWith(',');
        list!.push(JSON.parse(isOpen ? line.slice(0, -1) : line));
        continue;
      }
      list = line.endsWith(': [') ? [] : null;
      // The frame holds the list's number in place of its objects.
      frame += list === null ? `${line}\n` : `${line}${lists.push(list) - 1}`;
    }
    return JSON.parse(frame, (_name, value) =>
      Array.isArray(value) && typeof value[0] === 'number' ? lists[value[0]] : value,
    );
  } catch (error) {
    // A RangeError means that the JSON is nested so deeply that the stack overflowed.
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}
