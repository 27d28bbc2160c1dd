import { TextDecoder } from 'node:util';

/**
 * Bytes to lines. A line ends at LF and nowhere else: a carriage return, a form feed or U+2028 inside a literal would
 * otherwise begin a line that somebody's value made up.
 */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let decoder: TextDecoder | null = null;
  let rest = '';
  for await (const bytes of input) {
    decoder ??= decoderFor(bytes);
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield plain(line);
  }
  rest += decoder?.decode() ?? '';
  if (rest !== '') yield plain(rest);
}

/** PowerShell's `>` writes UTF-16 with a mark; either decoder takes its mark away. */
const decoderFor = (bytes: Uint8Array): TextDecoder =>
  new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8');

/** Without the colours that `aws logs tail` writes, and the CR of a line that Windows ended. */
const plain = (line: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences begin with ESC
  line.replace(/\x1b\[[\d;]*m/g, '').replace(/\r$/, '');
