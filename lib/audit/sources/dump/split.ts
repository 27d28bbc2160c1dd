/**
 * Cuts a dump into statements while it is read, by psql's rules: what is in literals, comments, brackets and BEGIN ATOMIC
 * ends none. Rows are counted and let go, so a dump of any size needs little memory.
 */

/** Texts are bytes as latin1. */
export type Item =
  | { readonly kind: 'statement'; readonly line: number; readonly text: string }
  /** A COPY or an INSERT, how it begins, and how many rows came with it. */
  | { readonly kind: 'rows'; readonly line: number; readonly text: string; readonly rows: number }
  /** A command of psql, without its backslash. */
  | { readonly kind: 'meta'; readonly line: number; readonly text: string }
  /** Longer than is read: how it begins. */
  | { readonly kind: 'too long'; readonly line: number; readonly text: string };

/** Where the dump ended although something was open; null where it ended well. */
export type Open = { readonly in: 'rows' | 'statement'; readonly line: number } | null;

export const LONGEST_STATEMENT = 4_000_000;
/** Of a statement with rows: as much as names its table. */
const HEAD = 4_000;
/** What a line may have before it is cut where no token ends. */
const LONG_LINE = 1_000_000;

/** All that may begin or end something. Bytes above 127 are letters, in every encoding that a server has. */
const TOKEN =
  /[A-Za-z_\x80-\xff][\w$\x80-\xff]*|--|\/\*|\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$|\d[\w.]*|['"();\\]/g;
/** E'…' */
const ESCAPES = /(?:^|[^\w$\x80-\xff])[eE]'$/;
const COMMENT = /\/\*|\*\//g;

type Mode =
  | { readonly in: 'code' | 'line comment' | 'meta' | 'before rows' }
  | { readonly in: 'rows'; readonly midLine: boolean }
  | { readonly in: 'comment'; readonly depth: number }
  | { readonly in: 'quote'; readonly quote: string; readonly escapes: boolean }
  | { readonly in: 'dollar'; readonly tag: string };

const CODE: Mode = { in: 'code' };

interface Statement {
  readonly line: number;
  text: string;
  /** With what was not kept. */
  size: number;
  /** Its first words, in lower case. */
  readonly words: string[];
  brackets: number;
  /** BEGIN ATOMIC … END, and CASE … END in it. */
  blocks: number;
  /** Of an INSERT, after VALUES. */
  values: boolean;
  rows: number;
}

const noStatement = (line: number): Statement => ({
  line,
  text: '',
  size: 0,
  words: [],
  brackets: 0,
  blocks: 0,
  values: false,
  rows: 0,
});

export class DumpSplitter {
  private buffer = '';
  private mode: Mode = CODE;
  private line = 1;
  private now = noStatement(1);
  private items: Item[] = [];

  /** @param chunk bytes as latin1 */
  push(chunk: string): Item[] {
    this.buffer += chunk;
    const cut = this.whereToCut();
    const part = this.buffer.slice(0, cut);
    this.buffer = this.buffer.slice(cut);
    return this.read(part);
  }

  end(): { readonly items: readonly Item[]; readonly open: Open } {
    const items = this.read(`${this.buffer}\n`);
    const { mode, now } = this;
    if (mode.in === 'rows' || mode.in === 'before rows')
      return { items, open: { in: 'rows', line: now.line } };
    const within = mode.in !== 'code' || now.brackets > 0 || now.blocks > 0;
    if (within) return { items, open: { in: 'statement', line: now.line } };
    if (now.text !== '') this.finish();
    return { items: [...items, ...this.items], open: null };
  }

  /** After a line, since no token goes on over its end; a long line between letters or blanks. */
  private whereToCut(): number {
    const end = this.buffer.lastIndexOf('\n') + 1;
    if (end > 0 || this.buffer.length < LONG_LINE) return end;
    for (let at = this.buffer.length - 1; at > 1; at--)
      if (/^[\w ,]{2}$/.test(this.buffer.slice(at - 1, at + 1))) return at;
    return 0;
  }

  private read(part: string): Item[] {
    for (let at = 0; at < part.length; ) at = this.step(part, at);
    const { items } = this;
    this.items = [];
    return items;
  }

  /** @returns where the next step begins */
  private step(part: string, at: number): number {
    const { mode } = this;
    switch (mode.in) {
      case 'code':
        return this.code(part, at);
      case 'line comment':
        return this.skip(part, at, CODE);
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
        escapes: ESCAPES.test(part.slice(Math.max(0, after - 3), after)),
      };
    else if (token.startsWith('$')) this.mode = { in: 'dollar', tag: token };
    else this.word(token.toLowerCase());
    return after;
  }

  private word(word: string): void {
    const { now } = this;
    if (now.words.length < 4) now.words.push(word);
    if (now.words[0] === 'insert' && word === 'values' && now.brackets === 0) now.values = true;
    if (!/^create (or replace )?(function|procedure)\b/.test(now.words.join(' ')) || now.brackets > 0) return;
    if (word === 'begin' || (word === 'case' && now.blocks > 0)) now.blocks++;
    else if (word === 'end' && now.blocks > 0) now.blocks--;
  }

  private comment(part: string, at: number, depth: number): number {
    COMMENT.lastIndex = at;
    const found = COMMENT.exec(part);
    const after = found === null ? part.length : found.index + 2;
    this.count(part, at, after);
    if (found === null) return after;
    const deeper = found[0] === '/*' ? depth + 1 : depth - 1;
    this.mode = deeper === 0 ? CODE : { in: 'comment', depth: deeper };
    return after;
  }

  private quote(part: string, at: number, quote: string, escapes: boolean): number {
    const ends = escapes ? /\\[\s\S]|'/g : quote === "'" ? /'/g : /"/g;
    ends.lastIndex = at;
    for (let found = ends.exec(part); found !== null; found = ends.exec(part)) {
      if (found[0] !== quote) continue;
      // A doubled one ends this literal and begins another: the same to us, but for its escapes.
      const doubled = escapes && part[ends.lastIndex] === quote;
      if (doubled) ends.lastIndex++;
      else {
        this.mode = CODE;
        return this.keep(part, at, ends.lastIndex);
      }
    }
    return this.keep(part, at, part.length);
  }

  private keepUntil(part: string, at: number, tag: string): number {
    const end = part.indexOf(tag, at);
    if (end < 0) return this.keep(part, at, part.length);
    this.mode = CODE;
    return this.keep(part, at, end + tag.length);
  }

  /** The rest of the line. */
  private skip(part: string, at: number, then: Mode): number {
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
    this.mode = CODE;
    this.count(part, at, end);
    return end;
  }

  /** Up to a line that is a backslash and a dot. */
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
        this.mode = CODE;
        this.now = noStatement(this.line);
      } else now.rows++;
    }
    return after;
  }

  /** @returns `to` */
  private keep(part: string, from: number, to: number): number {
    let begin = from;
    // Blanks before a statement are none of it.
    if (this.now.size === 0) {
      while (begin < to && /\s/.test(part[begin]!)) begin++;
      this.count(part, from, begin);
      if (begin === to) return to;
      this.now = noStatement(this.line);
    }
    const { now } = this;
    now.size += to - begin;
    const most = now.words[0] === 'insert' ? HEAD : LONGEST_STATEMENT;
    if (now.text.length < most) now.text += part.slice(begin, Math.min(to, begin + most - now.text.length));
    this.count(part, begin, to);
    return to;
  }

  private count(part: string, from: number, to: number): void {
    for (let at = part.indexOf('\n', from); at >= 0 && at < to; at = part.indexOf('\n', at + 1)) this.line++;
  }

  private finish(): void {
    const { line, text, size, words, rows } = this.now;
    this.now = noStatement(this.line);
    if (words[0] === 'copy' && /\bfrom\s+stdin\b/i.test(text)) {
      this.mode = { in: 'before rows' };
      this.now = { ...noStatement(line), text: text.replace(/;$/, '') };
    } else if (words[0] === 'insert')
      this.items.push({ kind: 'rows', line, text: text.slice(0, HEAD), rows });
    else if (size > LONGEST_STATEMENT) this.items.push({ kind: 'too long', line, text: text.slice(0, HEAD) });
    else this.items.push({ kind: 'statement', line, text: text.replace(/;\s*$/, '') });
  }
}
