/** Splits the SQL of a section into statements, by the parser's own positions, and reports what does not parse. */
import type { Node } from 'libpg-query';
import { skipQuoted, skipWord } from '../../../lambda/sql/scan';
import { type Outline, trimToCode } from './outline';
import { isParserReady, ParseFailure, parseSql } from './parser';
import type { FileSection, SectionPart } from './sections';
import type { Source } from './source';

export interface ParsedStatement {
  readonly node: Node;
  /** The statement without surrounding comments and without its semicolon. */
  readonly sql: string;
  /** The same text with comments replaced by spaces, as the parser read it. */
  readonly code: string;
  /** Offset in the file. */
  readonly start: number;
  readonly end: number;
  /** Converts a byte position of the parser to an offset in the file. */
  readonly toOffset: (bytes: number) => number;
}

/** Maximum number of reported errors; further errors in a section are rarely useful. */
const MAX_SYNTAX_ERRORS = 10;

export function readStatements(source: Source, outline: Outline, { parts }: FileSection): ParsedStatement[] {
  return parts.flatMap((part) => readPart(source, outline, part));
}

function readPart(source: Source, outline: Outline, { start: first, end }: SectionPart): ParsedStatement[] {
  const statements: ParsedStatement[] = [];
  let start = first;
  for (let errors = 0; start < end && isParserReady(); ) {
    const text = outline.sql.slice(start, end);
    const failure = collectStatements(source, outline, start, text, statements);
    if (!failure) break;
    const [from, to] = findStatementAround(text, failure.at);
    // The statements before the broken one are valid, and may have problems of their own.
    if (from > 0 && isParserReady())
      collectStatements(source, outline, start, text.slice(0, from), statements);
    source.report(start + failure.at, shortenMessage(failure.message), suggestRemedy(failure), 'syntax');
    errors++;
    if (errors === MAX_SYNTAX_ERRORS || !canResume(failure, text.slice(from, to))) break;
    start += to + 1;
  }
  return statements;
}

function collectStatements(
  source: Source,
  { comments, sql }: Outline,
  start: number,
  text: string,
  statements: ParsedStatement[],
): ParseFailure | undefined {
  try {
    const { statements: raw, offset } = parseSql(text);
    const toOffset = (bytes: number) => start + offset(bytes);
    for (const { node, start: from, end: to } of raw) {
      const [first, last] = trimToCode(source.text, comments, start + from, start + to);
      const [written, code] = [source.text.slice(first, last), sql.slice(first, last)];
      statements.push({ node, sql: written, code, start: first, end: last, toOffset });
    }
    return undefined;
  } catch (error) {
    if (error instanceof ParseFailure) return error;
    throw error;
  }
}

/**
 * Shortens a message: the parser quotes all the text that it failed on, which for an open quote is the rest of the
 * file.
 */
const shortenMessage = (message: string): string =>
  message.replace(/(?<= at or near ").*(?="$)/s, (near) => {
    const line = near.split('\n', 1)[0]!.slice(0, 60);
    return line === near ? near : `${line}…`;
  });

function suggestRemedy({ message }: ParseFailure): string {
  if (/nested too deeply/.test(message)) return 'Split the statement, or write a shorter expression.';
  if (/^unterminated/.test(message))
    return 'Close it: everything up to the end of the file is read as its content.';
  return "Correct the statement: this is the message of PostgreSQL's own parser.";
}

/** Returns the range from the last semicolon before `at` to the next one. */
function findStatementAround(text: string, at: number): [number, number] {
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

/**
 * Tells whether parsing can continue after a broken statement. Semicolons inside BEGIN ATOMIC … END do not end it, and
 * after an open quote nothing is certain.
 */
const canResume = ({ message }: ParseFailure, broken: string): boolean =>
  !/^unterminated/.test(message) && !/\batomic\b/i.test(broken);
