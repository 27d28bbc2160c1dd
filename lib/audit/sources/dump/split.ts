/**
 * Splits a dump into statements while it is read, by psql's rules: a semicolon in a literal, a comment, parentheses or
 * BEGIN ATOMIC does not end a statement. Rows are counted and discarded, so that a dump of any size needs little
 * memory.
 */
import type { DumpItem, OpenItem } from './item';
import {
  addText,
  addWord,
  beginsRows,
  createUnfinishedStatement,
  finishStatement,
} from './unfinished-statement';

/** Length from which an unfinished line is cut where no token ends. */
const MAX_LINE_LENGTH = 1_000_000;

/** Matches every token that may begin or end something. Bytes above 127 are letters in every server encoding. */
const TOKEN =
  /[A-Za-z_\x80-\xff][\w$\x80-\xff]*|--|\/\*|\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$|\d[\w.]*|['"();\\]/g;
/** Matches the opening quote of E'…', in which a backslash escapes. */
const ESCAPE_STRING_START = /(?:^|[^\w$\x80-\xff])[eE]'$/;
const COMMENT_DELIMITER = /\/\*|\*\//g;

type SplitterMode =
  | { readonly in: 'code' | 'line comment' | 'meta' | 'before rows' }
  | { readonly in: 'rows'; readonly midLine: boolean }
  | { readonly in: 'comment'; readonly depth: number }
  | { readonly in: 'quote'; readonly quote: string; readonly escapes: boolean }
  | { readonly in: 'dollar'; readonly tag: string };

const CODE_MODE: SplitterMode = { in: 'code' };

export class DumpSplitter {
  private buffer = '';
  private mode: SplitterMode = CODE_MODE;
  private line = 1;
  private now = createUnfinishedStatement(1);
  private items: DumpItem[] = [];

  /**
   * Reads the next piece and returns the items that are complete.
   * @param chunk bytes as latin1
   */
  push(chunk: string): DumpItem[] {
    this.buffer += chunk;
    const cut = this.whereToCut();
    const part = this.buffer.slice(0, cut);
    this.buffer = this.buffer.slice(cut);
    return this.read(part);
  }

  end(): { readonly items: readonly DumpItem[]; readonly open: OpenItem } {
    const items = this.read(`${this.buffer}\n`);
    const { mode, now } = this;
    if (mode.in === 'rows' || mode.in === 'before rows')
      return { items, open: { in: 'rows', line: now.line } };
    const within = mode.in !== 'code' || now.brackets > 0 || now.blocks > 0;
    if (within) return { items, open: { in: 'statement', line: now.line } };
    if (now.text !== '') this.finish();
    return { items: [...items, ...this.items], open: null };
  }

  /**
   * Returns where the buffer can be cut: at the end of a line, since tokens that the splitter must recognize do not
   * span lines, or, in a very long line, between letters or blanks.
   */
  private whereToCut(): number {
    const end = this.buffer.lastIndexOf('\n') + 1;
    if (end > 0 || this.buffer.length < MAX_LINE_LENGTH) return end;
    for (let at = this.buffer.length - 1; at > 1; at--)
      if (/^[\w ,]{2}$/.test(this.buffer.slice(at - 1, at + 1))) return at;
    return 0;
  }

  private read(part: string): DumpItem[] {
    for (let at = 0; at < part.length; ) at = this.step(part, at);
    const { items } = this;
    this.items = [];
    return items;
  }

  /**
   * Reads from `at` in the current mode.
   * @returns where the next step begins
   */
  private step(part: string, at: number): number {
    const { mode } = this;
    switch (mode.in) {
      case 'code':
        return this.code(part, at);
      case 'line comment':
        return this.skip(part, at, CODE_MODE);
      case 'meta':
        return this.meta(part, at);
      case 'comment':
        return this.comment(part, at, mode.depth);
      case 'quote':
        return this.quote(part, at, mode.quote, mode.escapes);
      case 'dollar':
        return this.keepUntil(part, at, mode.tag);
      case 'before rows':
        return this.skip(part, at, { in: 'rows', midLine: false });
      case 'rows':
        return this.row(part, at, mode.midLine);
    }
  }

  private code(part: string, at: number): number {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(part);
    if (found === null) return this.keep(part, at, part.length);
    const [token] = found;
    const after = found.index + token.length;
    if (token === '--' || token === '/*') {
      this.keep(part, at, found.index);
      if (this.now.text !== '') this.now.text += ' ';
      this.mode = token === '--' ? { in: 'line comment' } : { in: 'comment', depth: 1 };
      return after;
    }
    if (token === '\\') {
      this.keep(part, at, found.index);
      if (this.now.text !== '') this.finish();
      this.mode = { in: 'meta' };
      return after;
    }
    this.keep(part, at, after);
    const { now } = this;
    if (token === ';') {
      if (now.brackets === 0 && now.blocks === 0) this.finish();
    } else if (token === '(') {
      if (now.values && now.brackets === 0) now.rows++;
      now.brackets++;
    } else if (token === ')') now.brackets = Math.max(0, now.brackets - 1);
    else if (token === "'" || token === '"')
      this.mode = {
        in: 'quote',
        quote: token,
        escapes: ESCAPE_STRING_START.test(part.slice(Math.max(0, after - 3), after)),
      };
    else if (token.startsWith('$')) this.mode = { in: 'dollar', tag: token };
    else addWord(now, token.toLowerCase());
    return after;
  }

  private comment(part: string, at: number, depth: number): number {
    COMMENT_DELIMITER.lastIndex = at;
    const found = COMMENT_DELIMITER.exec(part);
    const after = found === null ? part.length : found.index + 2;
    this.count(part, at, after);
    if (found === null) return after;
    const deeper = found[0] === '/*' ? depth + 1 : depth - 1;
    this.mode = deeper === 0 ? CODE_MODE : { in: 'comment', depth: deeper };
    return after;
  }

  private quote(part: string, at: number, quote: string, escapes: boolean): number {
    const ends = escapes ? /\\[\s\S]|'/g : quote === "'" ? /'/g : /"/g;
    ends.lastIndex = at;
    for (let found = ends.exec(part); found !== null; found = ends.exec(part)) {
      if (found[0] !== quote) continue;
      // A doubled quote could be read as the end of one literal and the beginning of the next, except that the next one
      // would no longer have backslash escapes.
      const doubled = escapes && part[ends.lastIndex] === quote;
      if (doubled) ends.lastIndex++;
      else {
        this.mode = CODE_MODE;
        return this.keep(part, at, ends.lastIndex);
      }
    }
    return this.keep(part, at, part.length);
  }

  private keepUntil(part: string, at: number, tag: string): number {
    const end = part.indexOf(tag, at);
    if (end < 0) return this.keep(part, at, part.length);
    this.mode = CODE_MODE;
    return this.keep(part, at, end + tag.length);
  }

  /** Skips the rest of the line. */
  private skip(part: string, at: number, then: SplitterMode): number {
    const found = part.indexOf('\n', at);
    const after = found < 0 ? part.length : found + 1;
    this.count(part, at, after);
    if (found >= 0) this.mode = then;
    return after;
  }

  private meta(part: string, at: number): number {
    const line = this.line;
    const found = part.indexOf('\n', at);
    const end = found < 0 ? part.length : found;
    const text = part.slice(at, end).trim();
    this.items.push({ kind: 'meta', line, text });
    this.mode = CODE_MODE;
    this.count(part, at, end);
    return end;
  }

  /** Reads the rows of a COPY, up to the line `\.`. */
  private row(part: string, at: number, midLine: boolean): number {
    const end = part.indexOf('\n', at);
    const after = end < 0 ? part.length : end + 1;
    const { now } = this;
    if (end < 0) this.mode = { in: 'rows', midLine: true };
    else {
      this.line++;
      if (midLine) this.mode = { in: 'rows', midLine: false };
      if (!midLine && part.startsWith('\\.', at) && part.slice(at + 2, end).trim() === '') {
        this.items.push({ kind: 'rows', line: now.line, text: now.text, rows: now.rows });
        this.mode = CODE_MODE;
        this.now = createUnfinishedStatement(this.line);
      } else now.rows++;
    }
    return after;
  }

  /**
   * Adds the text to the current statement.
   * @returns `to`
   */
  private keep(part: string, from: number, to: number): number {
    let begin = from;
    // Leading white space is not part of a statement.
    if (this.now.size === 0) {
      while (begin < to && /\s/.test(part[begin]!)) begin++;
      this.count(part, from, begin);
      if (begin === to) return to;
      this.now = createUnfinishedStatement(this.line);
    }
    addText(this.now, part, begin, to);
    this.count(part, begin, to);
    return to;
  }

  private count(part: string, from: number, to: number): void {
    for (let at = part.indexOf('\n', from); at >= 0 && at < to; at = part.indexOf('\n', at + 1)) this.line++;
  }

  private finish(): void {
    const { now } = this;
    this.now = createUnfinishedStatement(this.line);
    if (beginsRows(now)) {
      this.mode = { in: 'before rows' };
      this.now = { ...createUnfinishedStatement(now.line), text: now.text.replace(/;$/, '') };
    } else this.items.push(finishStatement(now));
  }
}
