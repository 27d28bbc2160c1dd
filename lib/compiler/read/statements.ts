/** Splits the SQL of a section into statements, by the parser's own positions, and reports what does not parse. */
import type { Node } from 'libpg-query';
import { skipQuoted, skipWord } from '../../../lambda/sql/scan';
import { type Outline, trimToCode } from './outline';
import { isReady, ParseFailure, parse } from './parser';
import type { FileSection, Part } from './sections';
import type { Source } from './source';

export interface ParsedStatement {
  readonly node: Node;
  /** Without comments around it, and without its semicolon. */
  readonly sql: string;
  /** The same with comments as spaces, as the parser read it. */
  readonly code: string;
  /** Offsets in the file. */
  readonly start: number;
  readonly end: number;
  /** From one of the parser's byte positions to an offset in the file. */
  readonly offsetOf: (bytes: number) => number;
}

/** After these many the rest of a section says little. */
const MAX_SYNTAX_ERRORS = 10;

export function readStatements(source: Source, outline: Outline, { parts }: FileSection): ParsedStatement[] {
  return parts.flatMap((part) => readPart(source, outline, part));
}

function readPart(source: Source, outline: Outline, { start: first, end }: Part): ParsedStatement[] {
  const statements: ParsedStatement[] = [];
  let start = first;
  for (let errors = 0; start < end && isReady(); ) {
    const text = outline.sql.slice(start, end);
    const failure = collect(source, outline, start, text, statements);
    if (!failure) break;
    const [from, to] = statementAround(text, failure.at);
    // What precedes the broken statement is sound, and may have problems of its own to report.
    if (from > 0 && isReady()) collect(source, outline, start, text.slice(0, from), statements);
    source.report(start + failure.at, brief(failure.message), remedyFor(failure), 'syntax');
    errors++;
    if (errors === MAX_SYNTAX_ERRORS || !canResume(failure, text.slice(from, to))) break;
    start += to + 1;
  }
  return statements;
}

function collect(
  source: Source,
  { comments, sql }: Outline,
  start: number,
  text: string,
  statements: ParsedStatement[],
): ParseFailure | undefined {
  try {
    const { statements: raw, offset } = parse(text);
    const offsetOf = (bytes: number) => start + offset(bytes);
    for (const { node, start: from, end: to } of raw) {
      const [first, last] = trimToCode(source.text, comments, start + from, start + to);
      const [written, code] = [source.text.slice(first, last), sql.slice(first, last)];
      statements.push({ node, sql: written, code, start: first, end: last, offsetOf });
    }
    return undefined;
  } catch (error) {
    if (error instanceof ParseFailure) return error;
    throw error;
  }
}

/** The parser quotes all of what it stumbled over: of a quote that is never closed, the rest of the file. */
const brief = (message: string): string =>
  message.replace(/(?<= at or near ").*(?="$)/s, (near) => {
    const line = near.split('\n', 1)[0]!.slice(0, 60);
    return line === near ? near : `${line}…`;
  });

function remedyFor({ message }: ParseFailure): string {
  if (/nested too deeply/.test(message)) return 'Split the statement, or write a shorter expression.';
  if (/^unterminated/.test(message))
    return 'Close it: everything up to the end of the file is read as its content.';
  return "Correct the statement: this is the message of PostgreSQL's own parser.";
}

/** From after the last semicolon before `at` up to the next one. */
function statementAround(text: string, at: number): [number, number] {
  let from = 0;
  let since = 0;
  for (let i = 0; i < text.length; ) {
    const end = skipQuoted(text, i, since);
    if (end > i) {
      i = end;
      since = end;
    } else if (text[i] === ';') {
      if (i >= at) return [from, i];
      from = ++i;
    } else i = Math.max(i + 1, skipWord(text, i));
  }
  return [from, text.length];
}

/** Semicolons inside BEGIN ATOMIC … END do not end the statement; after an open quote nothing is certain. */
const canResume = ({ message }: ParseFailure, broken: string): boolean =>
  !/^unterminated/.test(message) && !/\batomic\b/i.test(broken);
