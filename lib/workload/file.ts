/**
 * The workload as a file of SQL that a person reads and reviews: one statement after another, each with a line for every
 * role that sends it. Written, read and written again, it is the same to the byte.
 */
import { ParseFailure, parse, type RawStatement, scan } from '../compiler/read/parser';
import { quoteIfNeeded } from '../compiler/read/tree';
import { LeftOut, normalize } from './normalize';
import type { Sender, Workload, WorkloadEntry } from './workload';
import { merge } from './workload';

const HEAD =
  '-- Trueup workload, format 1: what the application sends, without values. `trueup workload` writes it.\n';
const LINE_LENGTH = 110;

export function writeWorkload({ entries }: Pick<Workload, 'entries'>): string {
  const blocks = entries.map(
    ({ text, senders }) =>
      `\n${senders.map((sender) => `${senderLine(sender)}\n`).join('')}${wrapped(text)};\n`,
  );
  return HEAD + blocks.join('');
}

function senderLine({ role, searchPath, calls }: Sender): string {
  const facts = [
    ...(role === null ? [] : [`role ${quoteIfNeeded(role)}`]),
    ...(calls === null ? [] : [`calls ${calls}`]),
    ...(searchPath === null ? [] : [`search_path ${searchPath}`]),
  ];
  return `-- ${facts.length === 0 ? 'role unknown' : facts.join('; ')}`;
}

const SENDER =
  /^--(?: role (?<role>unknown|"(?:[^"]|"")+"|[^\s;"]+))?(?:;? calls (?<calls>\d+))?(?:;? search_path (?<path>.*))?$/;

function readSender(line: string): Sender | undefined {
  const { role, calls, path } = SENDER.exec(line)?.groups ?? {};
  if (role === undefined && calls === undefined && path === undefined) return undefined;
  return {
    role:
      role === undefined || role === 'unknown'
        ? null
        : role.startsWith('"')
          ? role.slice(1, -1).replaceAll('""', '"')
          : role,
    calls: calls === undefined ? null : Number(calls),
    searchPath: path ?? null,
  };
}

/** Lines at the clauses, where the statement is long. */
function wrapped(text: string): string {
  if (text.length <= LINE_LENGTH) return text;
  let depth = 0;
  let out = '';
  let end = 0;
  let before = '';
  for (const token of scan(text)) {
    if (token.text === '(' || token.text === '[') depth++;
    if (token.text === ')' || token.text === ']') depth--;
    const apart = token.start > end;
    const clause = depth === 0 && apart && CLAUSES.test(token.text) && !CONTINUES.test(before);
    out += (apart ? (clause ? '\n  ' : ' ') : '') + token.text;
    end = token.end;
    before = token.text;
  }
  return out;
}

const CLAUSES =
  /^(?:from|where|group|having|window|order|limit|offset|fetch|for|returning|values|set|on|union|intersect|except|join|left|right|full|inner|cross|natural|when|using|select)$/i;
/** Two words of one clause stay on a line. */
const CONTINUES =
  /^(?:left|right|full|inner|outer|cross|natural|join|do|update|delete|is|distinct|not|all|union|intersect|except|with|for|conflict)$/i;

/** The file is no workload, or a statement of it is none. */
export class WorkloadProblem extends Error {
  override readonly name = 'WorkloadProblem';
  constructor(
    message: string,
    readonly line: number,
  ) {
    super(message);
  }
}

/**
 * Reads a workload file, or any file of statements: other comments are passed over, values become parameters.
 * @throws {WorkloadProblem} with the first line that cannot be used
 */
export function readWorkload(text: string): Workload {
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const lineOf = (at: number): number => source.slice(0, at).split('\n').length;
  const statements = statementsOf(source, lineOf);
  const entries = statements.map(({ end }, i): WorkloadEntry => {
    // From where the one before it ends: the comments above a statement are about it.
    const start = statements[i - 1]?.end ?? 0;
    const sql = source.slice(start, end).replace(/^;/, ' ');
    const senders = scan(sql)
      .filter(({ comment }) => comment)
      .flatMap((token) => readSender(token.text) ?? []);
    try {
      const none: Sender = { role: null, searchPath: null, calls: null };
      return { ...normalize(sql), senders: senders.length > 0 ? senders : [none] };
    } catch (error) {
      if (!(error instanceof LeftOut)) throw error;
      const first = scan(sql).find(({ comment }) => !comment);
      throw new WorkloadProblem(error.message, lineOf(start + (first?.start ?? 0)));
    }
  });
  // The same statement may stand there twice.
  return merge(entries.map((entry) => ({ entries: [entry], leftOut: new Map() })));
}

function statementsOf(source: string, lineOf: (at: number) => number): readonly RawStatement[] {
  try {
    return parse(source).statements;
  } catch (error) {
    if (error instanceof ParseFailure) throw new WorkloadProblem(error.message, lineOf(error.at));
    throw error;
  }
}
