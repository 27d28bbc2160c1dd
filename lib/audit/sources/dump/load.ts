/** Reads a dump from its file, once and in pieces, and loads it without its rows to a server of our own, as far as it goes. */
import { createReadStream } from 'node:fs';
import type { NotSeen } from '../../../../lambda/audit/not-seen';
import type { RowCount } from '../../../../lambda/audit/rows';
import { ParseFailure, parse } from '../../../compiler/read/parser';
import { otherEncoding, SourceProblem } from '../problem';
import type { Item } from './item';
import { Loader, type ScratchDatabase } from './loader';
import { type CountedRows, RowCounter } from './rows';
import { DumpSplitter } from './split';
import type { ExtensionWanted } from './statement';

export interface LoadedDump {
  /** Of tables whose rows the dump has. */
  readonly rows: readonly RowCount[];
  /** That were not to be had. */
  readonly extensions: readonly ExtensionWanted[];
  /** Of schemas and what is in them, by `key`. */
  readonly owners: ReadonlyMap<string, string>;
  readonly notSeen: readonly NotSeen[];
}

/**
 * The parser must be ready.
 * @param progress called with the number of bytes of each piece
 * @throws {SourceProblem} where the file is no whole dump
 */
export async function loadDump(
  file: string,
  scratch: ScratchDatabase,
  progress: (bytes: number) => void = () => {},
): Promise<LoadedDump> {
  const loader = new Loader(scratch);
  const counter = new RowCounter();
  const splitter = new DumpSplitter();
  const take = async (items: readonly Item[]): Promise<void> => {
    for (const item of items) await takeOne(item, loader, counter);
  };
  let head = '';
  let tail = '';
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    let text = (chunk as Buffer).toString('latin1');
    // A mark of the encoding may come first.
    if (head === '') head = text = text.replace(/^\xef\xbb\xbf/, '');
    tail = (tail + text).slice(-MARK_AT_END);
    await take(splitter.push(text));
    progress(text.length);
  }
  const { items, open } = splitter.end();
  const within = open?.in === 'rows' ? 'rows' : 'statement';
  if (open !== null) throw cutOff(`it ends within the ${within} that began in line ${open.line}`);
  if (/^-- PostgreSQL database dump\s*$/m.test(head) && !/^-- PostgreSQL database dump complete/m.test(tail))
    throw cutOff('the line "PostgreSQL database dump complete" is missing');
  await take(items);
  const notSeen = await loader.end();
  return {
    rows: counter.rows(),
    extensions: loader.extensions,
    owners: loader.owners,
    notSeen: [...notSeen, ...counter.notSeen()],
  };
}

const MARK_AT_END = 2_000;

const cutOff = (why: string): SourceProblem =>
  new SourceProblem(`is cut off: ${why}`, 'Write the dump again, or copy it again.');

async function takeOne(item: Item, loader: Loader, counter: CountedRows): Promise<void> {
  const text = Buffer.from(item.text, 'latin1').toString('utf8');
  if (item.kind === 'meta') return meta(text, item.line, loader);
  if (item.kind === 'too long')
    return loader.unseen(`statement in line ${item.line}`, 'it is longer than 4 MB');
  try {
    const sql = item.kind === 'rows' ? withoutRows(text) : text;
    const [statement, ...others] = parse(sql).statements;
    if (statement === undefined || others.length > 0) return;
    if (item.kind === 'rows') counter.add(statement.node, item.rows);
    else {
      counter.pathIs(statement.node);
      await loader.take(statement.node, sql);
    }
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    loader.unseen(`statement in line ${item.line}`, "PostgreSQL 18's parser does not understand it");
  }
}

/** Of an INSERT what names its table; its values may be cut off. */
const withoutRows = (text: string): string =>
  text.replace(
    /^(INSERT\s+INTO\s+(?:ONLY\s+)?(?:"(?:[^"]|"")*"|[\w$.\x80-\uffff])+)[\s\S]*$/i,
    '$1 DEFAULT VALUES',
  );

/** Commands of psql, without the backslash. @throws {SourceProblem} */
function meta(text: string, line: number, loader: Loader): void {
  const [, command = '', rest = ''] = /^(\S*)\s*(.*)$/.exec(text) ?? [];
  if (command === 'connect' || command === 'c') loader.connects(rest.replace(/^-reuse-previous=\w+\s+/, ''));
  else if (command === 'encoding' && !/^utf-?8$/i.test(rest)) throw otherEncoding(rest);
  else if (!/^(un)?restrict$|^(set|unset|pset|echo|timing|encoding)$|^\.$/.test(command))
    loader.unseen(`\\${command} in line ${line}`, 'this command of psql is not run');
}
