/**
 * Reads a dump file once, piece by piece, and loads as much of it as possible, without its rows, to the scratch server.
 */
import { createReadStream } from 'node:fs';
import type { NotCheckedItem } from '../../../../lambda/audit/not-checked';
import type { RowCount } from '../../../../lambda/audit/rows';
import { ParseFailure, parseSql } from '../../../compiler/read/parser';
import { makeEncodingProblem, SourceProblem } from '../source-problem';
import type { DumpItem } from './item';
import { DumpLoader, type ScratchDatabase } from './loader';
import { type CountedRows, RowCounter } from './rows';
import { DumpSplitter } from './split';
import type { RequiredExtension } from './statement';

export interface LoadedDump {
  /** Row counts of the tables whose rows the dump contains. */
  readonly rows: readonly RowCount[];
  /** Extensions that could not be created. */
  readonly extensions: readonly RequiredExtension[];
  /** Owners of schemas and of the objects in them, by `key`. */
  readonly owners: ReadonlyMap<string, string>;
  /** Roles that the dump names; empty if it has neither GRANT nor REVOKE. */
  readonly roles: readonly string[];
  readonly notChecked: readonly NotCheckedItem[];
}

/**
 * Loads a dump. The parser must be loaded.
 * @param progress called with the number of bytes of each piece
 * @throws {SourceProblem} if the file is not a complete dump
 */
export async function loadDump(
  file: string,
  scratch: ScratchDatabase,
  progress: (bytes: number) => void = () => {},
): Promise<LoadedDump> {
  const loader = new DumpLoader(scratch);
  const counter = new RowCounter();
  const splitter = new DumpSplitter();
  const take = async (items: readonly DumpItem[]): Promise<void> => {
    for (const item of items) await loadItem(item, loader, counter);
  };
  let head = '';
  let tail = '';
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    let text = (chunk as Buffer).toString('latin1');
    // The file may begin with a byte order mark.
    if (head === '') head = text = text.replace(/^\xef\xbb\xbf/, '');
    tail = (tail + text).slice(-MARK_AT_END);
    await take(splitter.push(text));
    progress(text.length);
  }
  const { items, open } = splitter.end();
  const within = open?.in === 'rows' ? 'rows' : 'statement';
  if (open !== null) throw makeCutOffProblem(`it ends within the ${within} that began in line ${open.line}`);
  if (/^-- PostgreSQL database dump\s*$/m.test(head) && !/^-- PostgreSQL database dump complete/m.test(tail))
    throw makeCutOffProblem('the line "PostgreSQL database dump complete" is missing');
  await take(items);
  const notChecked = await loader.end();
  return {
    rows: counter.rows(),
    extensions: loader.extensions,
    owners: loader.owners,
    roles: loader.namedRoles,
    notChecked: [...notChecked, ...counter.notChecked()],
  };
}

const MARK_AT_END = 2_000;

const makeCutOffProblem = (why: string): SourceProblem =>
  new SourceProblem(`is cut off: ${why}`, 'Write the dump again, or copy it again.');

async function loadItem(item: DumpItem, loader: DumpLoader, counter: CountedRows): Promise<void> {
  const text = Buffer.from(item.text, 'latin1').toString('utf8');
  if (item.kind === 'meta') return runMetaCommand(text, item.line, loader);
  if (item.kind === 'too long')
    return loader.reportNotChecked(`statement in line ${item.line}`, 'it is longer than 4 MB');
  try {
    const sql = item.kind === 'rows' ? removeRowValues(text) : text;
    const [statement, ...others] = parseSql(sql).statements;
    if (statement === undefined || others.length > 0) return;
    if (item.kind === 'rows') counter.add(statement.node, item.rows);
    else {
      counter.pathIs(statement.node);
      await loader.take(statement.node, sql);
    }
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    loader.reportNotChecked(
      `statement in line ${item.line}`,
      "PostgreSQL 18's parser does not understand it",
    );
  }
}

/** Reduces an INSERT to the part that names its table, since its values may be cut off. */
const removeRowValues = (text: string): string =>
  text.replace(
    /^(INSERT\s+INTO\s+(?:ONLY\s+)?(?:"(?:[^"]|"")*"|[\w$.\x80-\uffff])+)[\s\S]*$/i,
    '$1 DEFAULT VALUES',
  );

/**
 * Handles a psql command, given without its backslash.
 * @throws {SourceProblem} if the command shows that the dump cannot be read
 */
function runMetaCommand(text: string, line: number, loader: DumpLoader): void {
  const [, command = '', rest = ''] = /^(\S*)\s*(.*)$/.exec(text) ?? [];
  if (command === 'connect' || command === 'c') loader.connects(rest.replace(/^-reuse-previous=\w+\s+/, ''));
  else if (command === 'encoding' && !/^utf-?8$/i.test(rest)) throw makeEncodingProblem(rest);
  else if (!/^(un)?restrict$|^(set|unset|pset|echo|timing|encoding)$|^\.$/.test(command))
    loader.reportNotChecked(`\\${command} in line ${line}`, 'psql commands are not run');
}
