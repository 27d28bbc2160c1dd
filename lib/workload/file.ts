/**
 * Reads and writes the workload as an SQL file that people can review: one statement after another, each below one
 * comment line for every role that sends it. Reading a written file and writing it again gives the same bytes.
 */
import {
  ParseFailure,
  type ParserToken,
  parseSql,
  type RawStatement,
  scanTokens,
} from '../compiler/read/parser';
import { quoteIfNeeded } from '../compiler/read/tree';
import type { Sender, Workload, WorkloadEntry } from './collect-workload';
import { mergeWorkloads } from './collect-workload';
import { normalizeWorkloadStatement, StatementExcluded } from './normalize';

const FILE_HEADER =
  '-- Trueup workload, format 1: what the application sends, without values. `trueup workload` writes it.\n';
const MAX_LINE_LENGTH = 110;

export function writeWorkload({ entries }: Pick<Workload, 'entries'>): string {
  const blocks = entries.map(
    ({ text, senders }) =>
      `\n${senders.map((sender) => `${formatSender(sender)}\n`).join('')}${wrapSql(text)};\n`,
  );
  return FILE_HEADER + blocks.join('');
}

function formatSender({ role, searchPath, calls }: Sender): string {
  const facts = [
    ...(role === null ? [] : [`role ${quoteIfNeeded(role)}`]),
    ...(calls === null ? [] : [`calls ${calls}`]),
    ...(searchPath === null ? [] : [`search_path ${searchPath}`]),
  ];
  return `-- ${facts.length === 0 ? 'role unknown' : facts.join('; ')}`;
}

const SENDER_LINE =
  /^--(?: role (?<role>unknown|"(?:[^"]|"")+"|[^\s;"]+))?(?:;? calls (?<calls>\d+))?(?:;? search_path (?<path>.*))?$/;

function readSender(line: string): Sender | undefined {
  const { role, calls, path } = SENDER_LINE.exec(line)?.groups ?? {};
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

/** Breaks a long statement into lines at its clauses. */
function wrapSql(text: string): string {
  if (text.length <= MAX_LINE_LENGTH) return text;
  let depth = 0;
  let out = '';
  let end = 0;
  let before = '';
  for (const token of scanTokens(text)) {
    if (token.text === '(' || token.text === '[') depth++;
    if (token.text === ')' || token.text === ']') depth--;
    const apart = token.start > end;
    const clause = depth === 0 && apart && CLAUSE_WORDS.test(token.text) && !CONTINUATION_WORDS.test(before);
    out += (apart ? (clause ? '\n  ' : ' ') : '') + token.text;
    end = token.end;
    before = token.text;
  }
  return out;
}

const CLAUSE_WORDS =
  /^(?:from|where|group|having|window|order|limit|offset|fetch|for|returning|values|set|on|union|intersect|except|join|left|right|full|inner|cross|natural|when|using|select)$/i;
/** Words after which no line is broken, so that clauses of several words, such as LEFT JOIN, stay on one line. */
const CONTINUATION_WORDS =
  /^(?:left|right|full|inner|outer|cross|natural|join|do|update|delete|is|distinct|not|all|union|intersect|except|with|for|conflict)$/i;

/** Reports the line at which a file is not a valid workload. */
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
 * Reads a workload file, or any other file of statements. Other comments are ignored, and constants become parameters.
 * @throws {WorkloadProblem} with the first line that cannot be used
 */
export function readWorkload(text: string): Workload {
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const findLine = (at: number): number => source.slice(0, at).split('\n').length;
  const statements = parseStatements(source, findLine);
  const entries = statements.map(({ end }, i): WorkloadEntry => {
    // The text starts where the statement before it ends, since the comments above a statement describe its senders.
    const start = statements[i - 1]?.end ?? 0;
    const sql = source.slice(start, end).replace(/^;/, ' ');
    const senders = readTokens(sql, () => findLine(start))
      .filter(({ comment }) => comment)
      .flatMap((token) => readSender(token.text) ?? []);
    try {
      const none: Sender = { role: null, searchPath: null, calls: null };
      return { ...normalizeWorkloadStatement(sql), senders: senders.length > 0 ? senders : [none] };
    } catch (error) {
      if (!(error instanceof StatementExcluded)) throw error;
      const first = readTokens(sql, () => findLine(start)).find(({ comment }) => !comment);
      throw new WorkloadProblem(error.message, findLine(start + (first?.start ?? 0)));
    }
  });
  // The file may contain the same statement twice.
  return mergeWorkloads(entries.map((entry) => ({ entries: [entry], leftOut: new Map() })));
}

function readTokens(sql: string, line: () => number): readonly ParserToken[] {
  try {
    return scanTokens(sql);
  } catch (error) {
    if (error instanceof ParseFailure) throw new WorkloadProblem(error.message, line());
    throw error;
  }
}

function parseStatements(source: string, findLine: (at: number) => number): readonly RawStatement[] {
  try {
    return parseSql(source).statements;
  } catch (error) {
    if (error instanceof ParseFailure) throw new WorkloadProblem(error.message, findLine(error.at));
    throw error;
  }
}
