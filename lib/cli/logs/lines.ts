import { TextDecoder } from 'node:util';

/**
 * Splits bytes into lines. Only LF ends a line: if a carriage return, a form feed or U+2028 inside a literal did, a
 * user's value could forge a log line.
 */
export async function* decodeLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: TextDecoder | null = null;
  let rest = '';
  for await (const bytes of input) {
    decoder ??= createDecoder(bytes);
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield stripColors(line);
  }
  rest += decoder?.decode() ?? '';
  if (rest !== '') yield stripColors(rest);
}

/** PowerShell's `>` writes UTF-16 with a byte order mark. Both decoders remove the mark. */
const createDecoder = (bytes: Uint8Array): TextDecoder =>
  new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8');

/** Removes the colors that `aws logs tail` writes, and the CR of Windows line endings. */
const stripColors = (line: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences begin with ESC
  line.replace(/\x1b\[[\d;]*m/g, '').replace(/\r$/, '');
