/** Where output goes: results to standard output, everything else to standard error; colours only for people. */
import { EXIT } from '../exit-codes';
import { type Colors, colorsOf } from './colors';

export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** False with `--no-color`. */
  readonly color?: boolean;
}

export interface Terminal {
  /** One JSON document on standard output, and nothing else there. */
  readonly json: boolean;
  readonly quiet: boolean;
  readonly out: Stream;
  readonly err: Stream;
}

export interface Stream {
  readonly colors: Colors;
  /** A terminal that can move its cursor: a line may be drawn over. */
  readonly live: boolean;
  readonly columns: number;
  write(text: string): void;
  line(text?: string): void;
  /** Until what was written has gone out. @default - it goes out at once */
  drained?(): Promise<void>;
}

/** @param options `--format json`, where a command has several formats, is `--json` */
export function openTerminal(
  options: GlobalOptions & { readonly format?: string },
  env: NodeJS.ProcessEnv = process.env,
): Terminal {
  return {
    json: options.json === true || options.format === 'json',
    quiet: options.quiet ?? false,
    out: open(process.stdout, options, env),
    err: open(process.stderr, options, env),
  };
}

function open(stream: NodeJS.WriteStream, options: GlobalOptions, env: NodeJS.ProcessEnv): Stream {
  const live = Boolean(stream.isTTY) && env.TERM !== 'dumb';
  // https://no-color.org: any value but the empty one; --no-color and NO_COLOR win over FORCE_COLOR.
  const wanted = options.color !== false && !env.NO_COLOR;
  const forced = Boolean(env.FORCE_COLOR) && env.FORCE_COLOR !== '0';
  return {
    colors: colorsOf(wanted && (live || forced)),
    live,
    get columns() {
      return stream.columns ?? WIDTH;
    },
    write: (text) => write(stream, text),
    line: (text = '') => write(stream, `${text}\n`),
    drained: async () => {
      if (stream.writableNeedDrain) await new Promise<void>((done) => stream.once('drain', done));
    },
  };
}

/** Of a long text: an output of its own for each line would take longer than the work. */
const BATCH = 64 * 1024;

/**
 * Gathers what is written to `out`. `full` is awaited between the parts of a long text: until whoever reads has taken what was
 * gathered, so that no more than a batch of it is held.
 */
export async function batched(
  stream: Stream,
  work: (out: Stream, full: () => Promise<void>) => Promise<void>,
): Promise<void> {
  let parts: string[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    if (size > 0) stream.write(parts.join(''));
    [parts, size] = [[], 0];
    await stream.drained?.();
  };
  const write = (text: string): void => {
    parts.push(text);
    size += text.length;
  };
  const full = async (): Promise<void> => {
    if (size >= BATCH) await flush();
  };
  await work({ ...stream, write, line: (text = '') => write(`${text}\n`) }, full);
  await flush();
}

/** Node throws where the output is a file, and tells a listener where it is a pipe. */
function write(stream: NodeJS.WriteStream, text: string): void {
  try {
    stream.write(text);
  } catch (error) {
    if (stream === process.stdout) outputFailed(error as NodeJS.ErrnoException);
  }
}

/** Without its output a command is of no use; without its standard error it can still do what it was asked. */
export function watchOutput(): void {
  process.stdout.on('error', outputFailed);
  process.stderr.on('error', () => {});
}

/** `trueup status | head -1` closes the pipe early; that is no error. */
function outputFailed({ code }: NodeJS.ErrnoException): never {
  if (code === 'EPIPE') process.exit();
  write(process.stderr, `error: the output cannot be written (${code})\n`);
  process.exit(EXIT.failed);
}

/** The same terminal with every line moved to the right. */
export function indented(terminal: Terminal, by = '    '): Terminal {
  const shift = (stream: Stream): Stream => ({
    ...stream,
    columns: stream.columns - by.length,
    line: (text = '') => stream.line(text && by + text),
  });
  return { ...terminal, out: shift(terminal.out), err: shift(terminal.err) };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /\u001b\[[0-9;]*m/g;
export const visibleLength = (text: string): number => text.replace(ESCAPES, '').length;

/** Columns as wide as their longest cell, two spaces between them, nothing after the last. */
export function table(rows: readonly (readonly string[])[], indent = '  '): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell));
  }
  return rows.map((row) =>
    (indent + row.map((cell, i) => cell + ' '.repeat(widths[i]! - visibleLength(cell))).join('  ')).trimEnd(),
  );
}

/** Longer lines are hard to read. */
const WIDTH = 120;

/** Breaks at spaces, for lines that a person reads. */
export function wrap(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && visibleLength(indent) + visibleLength(line) + 1 + visibleLength(word) > columns) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, indent + line];
}

/** `text` after `head`, its further lines below its beginning. */
export function hang(stream: Stream, head: string, text: string): void {
  const indent = ' '.repeat(visibleLength(head));
  const [first = '', ...more] = wrap(text, Math.min(stream.columns, WIDTH), indent);
  stream.line((head + first.slice(indent.length)).trimEnd());
  for (const line of more) stream.line(line);
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** `12 ms`, `3.4 s`, `2 min 5 s` */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
