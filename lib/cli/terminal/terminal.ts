/**
 * The output streams: results go to standard output, everything else to standard error. Colors are only used on a
 * terminal.
 */
import { EXIT } from '../exit-codes';
import { type Colors, createColors } from './colors';

export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** `false` with `--no-color`. */
  readonly color?: boolean;
}

export interface Terminal {
  /** Whether standard output gets one JSON document and nothing else. */
  readonly json: boolean;
  readonly quiet: boolean;
  readonly out: Stream;
  readonly err: Stream;
}

export interface Stream {
  readonly colors: Colors;
  /** Whether the terminal can move its cursor, so that a line can be redrawn. */
  readonly live: boolean;
  readonly columns: number;
  write(text: string): void;
  line(text?: string): void;
  /**
   * Resolves when everything written has been flushed.
   * @default - writes are flushed at once
   */
  drained?(): Promise<void>;
}

/**
 * Opens the output streams.
 * @param options `--format json` of a command with several formats is the same as `--json`
 */
export function openTerminal(
  options: GlobalOptions & { readonly format?: string },
  env: NodeJS.ProcessEnv = process.env,
): Terminal {
  return {
    json: options.json === true || options.format === 'json',
    quiet: options.quiet ?? false,
    out: openStream(process.stdout, options, env),
    err: openStream(process.stderr, options, env),
  };
}

function openStream(stream: NodeJS.WriteStream, options: GlobalOptions, env: NodeJS.ProcessEnv): Stream {
  const live = Boolean(stream.isTTY) && env.TERM !== 'dumb';
  // https://no-color.org: any value but the empty one; --no-color and NO_COLOR win over FORCE_COLOR.
  const wanted = options.color !== false && !env.NO_COLOR;
  const forced = Boolean(env.FORCE_COLOR) && env.FORCE_COLOR !== '0';
  return {
    colors: createColors(wanted && (live || forced)),
    live,
    get columns() {
      return stream.columns ?? MAX_WIDTH;
    },
    write: (text) => writeToStream(stream, text),
    line: (text = '') => writeToStream(stream, `${text}\n`),
    drained: async () => {
      if (stream.writableNeedDrain) await new Promise<void>((done) => stream.once('drain', done));
    },
  };
}

/** Number of characters to gather before writing: a separate write for each line would take longer than the work. */
const BATCH_LENGTH = 64 * 1024;

/**
 * Gathers what is written to `out`. Await `full` between the parts of a long text: it resolves when the reader has
 * consumed the buffered output, so that no more than one batch is in memory.
 */
export async function writeInBatches(
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
    if (size >= BATCH_LENGTH) await flush();
  };
  await work({ ...stream, write, line: (text = '') => write(`${text}\n`) }, full);
  await flush();
}

/** Node throws if the output is a file, and emits an error event if it is a pipe. */
function writeToStream(stream: NodeJS.WriteStream, text: string): void {
  try {
    stream.write(text);
  } catch (error) {
    if (stream === process.stdout) outputFailed(error as NodeJS.ErrnoException);
  }
}

/**
 * Handles failing outputs: without standard output a command is useless, but without standard error it can still do its
 * work.
 */
export function watchOutput(): void {
  process.stdout.on('error', outputFailed);
  process.stderr.on('error', () => {});
}

/** Ends the process. `trueup status | head -1` closes the pipe early, which is not an error. */
function outputFailed({ code }: NodeJS.ErrnoException): never {
  if (code === 'EPIPE') process.exit();
  writeToStream(process.stderr, `error: the output cannot be written (${code})\n`);
  process.exit(EXIT.failed);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ESCAPES = /\u001b\[[0-9;]*m/g;
const getVisibleLength = (text: string): number => text.replace(ESCAPES, '').length;

/** Formats rows with columns as wide as their longest cell, separated by two spaces, without trailing spaces. */
export function formatTable(rows: readonly (readonly string[])[], indent = '  '): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, getVisibleLength(cell));
  }
  return rows.map((row) =>
    (
      indent + row.map((cell, i) => cell + ' '.repeat(widths[i]! - getVisibleLength(cell))).join('  ')
    ).trimEnd(),
  );
}

/** Maximum line width: longer lines are hard to read. */
const MAX_WIDTH = 120;

/** Breaks text at spaces into lines of at most this width. */
function wrapText(text: string, columns: number, indent = ''): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && getVisibleLength(indent) + getVisibleLength(line) + 1 + getVisibleLength(word) > columns) {
      lines.push(indent + line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, indent + line];
}

/** Prints `text` after `head`, with its further lines aligned below the first. */
export function printHanging(stream: Stream, head: string, text: string): void {
  const indent = ' '.repeat(getVisibleLength(head));
  const [first = '', ...more] = wrapText(text, Math.min(stream.columns, MAX_WIDTH), indent);
  stream.line((head + first.slice(indent.length)).trimEnd());
  for (const line of more) stream.line(line);
}

export const formatCount = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Formats a duration as `12 ms`, `3.4 s` or `2 min 5 s`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
