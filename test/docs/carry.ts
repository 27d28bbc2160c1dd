/** Writes an edited sentence wherever pages and tests repeat it. Pure. */
import { childrenOf, type Edit, type Node, pairUp, parse, partsOf, textOf, wordsOf } from './sentences';

/** The languages that a sentence is written in: Markdown, or a literal of TypeScript. */
type Form = 'page' | 'string' | 'template' | 'regex';

const QUOTES = '[\'"`]';
/** Between two words: blanks, `\s+` of a regular expression, or the seam of two strings that `+` joins. */
const SEAM = `(?:${QUOTES}\\s*\\+\\s*${QUOTES})?`;
const BLANK = `${SEAM}(?:\\s+|\\\\s[+*]?)${SEAM}`;
const ANYTHING = '([^\\n]{0,300}?)';
/** What stands for an expression at an end of the sentence reaches to the quotes, or to the end of the line. */
const START = `(?<=^\\s*|["'\`|]\\s*)([^\\s\`"'|][^\\n\`"'|]*?)`;
const END = `([^\\n\`"'|]*[^\\s\`"'|])`;
const WORD = /[\p{L}\p{N}_]/u;

/** Matches a fixed text in every form: any punctuation may be escaped. */
const pattern = (text: string): string =>
  text
    .split(/(\s+)/)
    .map((piece) =>
      /^\s+$/.test(piece)
        ? BLANK
        : [...piece]
            .map((c) => (WORD.test(c) ? c : `\\\\*${c.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}`))
            .join(''),
    )
    .join('');

function encode(text: string, form: Form, quote: string): string {
  if (form === 'regex') return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  if (form === 'template') return text.replace(/[\\`]|\$(?=\{)/g, '\\$&');
  if (form === 'string') return text.replace(/\\/g, '\\\\').replaceAll(quote, `\\${quote}`);
  return text;
}

/** Keeps a capital first letter where the place has one. */
const like = (found: string, before: string, after: string): string =>
  found[0] !== before[0] && found[0] === before[0]?.toUpperCase()
    ? after.charAt(0).toUpperCase() + after.slice(1)
    : after;

const firstLetter = (text: string): string => {
  const [first = ''] = text;
  return /\p{Ll}/u.test(first) ? `[${first}${first.toUpperCase()}]` : pattern(first);
};

interface Rule {
  /** The longest fixed text: a place without its words need not be searched. */
  readonly words: readonly string[];
  readonly apply: (text: string, form: Form, quote: string) => string;
}

/** The whole sentence; what stands for its expressions is kept. */
function sentenceRule({ before, after }: Edit): Rule | null {
  const first = before.fixed[0] === '' ? 1 : 0;
  const last = before.fixed.length - (before.fixed.at(-1) === '' ? 1 : 0);
  const inner = before.fixed.slice(first, last);
  const longest = [...inner].sort((a, b) => b.length - a.length)[0] ?? '';
  if (wordsOf(longest).length < 2 || longest.trim().length < 8) return null;
  // An expression at an end that stays at that end is not part of what is replaced.
  const keepsStart = first === 1 && after.fixed[0] === '' && before.expressions[0] === after.expressions[0];
  const keepsEnd =
    last < before.fixed.length &&
    after.fixed.at(-1) === '' &&
    before.expressions.at(-1) === after.expressions.at(-1);
  const needsStart = first === 1 && !keepsStart;
  const needsEnd = last < before.fixed.length && !keepsEnd;
  const captured: { expression: string; index: number }[] = [];
  let source = '';
  before.fixed.forEach((fixed, i) => {
    const text = i === 0 ? fixed.trimStart() : i === before.fixed.length - 1 ? fixed.trimEnd() : fixed;
    source +=
      i === 0 && text !== '' ? firstLetter(text) + pattern([...text].slice(1).join('')) : pattern(text);
    const expression = before.expressions[i];
    if (expression === undefined) return;
    if (i === 0 && first === 1) {
      if (!needsStart) return;
      source += START;
    } else if (i === before.expressions.length - 1 && last < before.fixed.length) {
      if (!needsEnd) return;
      source += END;
    } else {
      source += ANYTHING;
    }
    captured.push({ expression, index: i });
  });
  const bounded =
    `${WORD.test(before.fixed[0]!.trimStart()[0] ?? ' ') ? '(?<![\\p{L}\\p{N}_])' : ''}${source}` +
    (WORD.test(before.fixed.at(-1)!.trimEnd().at(-1) ?? ' ') ? '(?![\\p{L}\\p{N}_])' : '');
  const regex = new RegExp(bounded, 'gmu');
  const parts = after.fixed.map((fixed, i) => {
    const expression = after.expressions[i];
    if (expression === undefined || (i === 0 && keepsStart)) return { fixed, capture: -1 };
    if (i === after.expressions.length - 1 && keepsEnd) return { fixed, capture: -1 };
    // The second of two equal expressions is the second one still.
    const which = after.expressions.slice(0, i).filter((each) => each === expression).length;
    const equal = captured.flatMap((each, group) => (each.expression === expression ? [group] : []));
    if (equal.length > 0) return { fixed, capture: equal[which] ?? equal[0]! };
    // An expression that was only rewritten stays in its place.
    const here = captured.findIndex(({ index }) => index === i);
    const free =
      after.expressions.length === before.expressions.length &&
      here >= 0 &&
      !after.expressions.includes(captured[here]!.expression);
    return { fixed, capture: free ? here : Number.NaN };
  });
  const start = before.fixed[0]!.trimStart();
  return {
    words: wordsOf(longest),
    apply: (text, form, quote) =>
      text.replace(regex, (found: string, ...groups: unknown[]) => {
        if (form !== 'page' && parts.some(({ capture }) => Number.isNaN(capture))) return found;
        const written = parts
          .map(({ fixed, capture }, i) => {
            const edge = i === 0 ? fixed.trimStart() : i === parts.length - 1 ? fixed.trimEnd() : fixed;
            const text = i === 0 && start !== '' ? like(found, start, edge) : edge;
            const between = Number.isNaN(capture) ? '…' : capture < 0 ? '' : String(groups[capture]);
            return encode(text, form, quote) + between;
          })
          .join('');
        return written;
      }),
  };
}

/** The fixed texts between the expressions, where an edit left those as they were. */
function partRules({ before, after }: Edit): Edit[] {
  if (before.expressions.length === 0 || before.expressions.length !== after.expressions.length) return [];
  return before.fixed.flatMap((fixed, i) => {
    const [from, to] = [fixed.trim(), after.fixed[i]!.trim()];
    if (from === to || to === '' || wordsOf(from).length < 3) return [];
    const plain = (text: string) => ({ fixed: [text], expressions: [], context: '' });
    return [{ before: plain(from), after: plain(to) }];
  });
}

interface Token {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

const tokensOf = (text: string): Token[] =>
  [...text.matchAll(/[\p{L}\p{N}_]+|…/gu)].map((found) => ({
    word: found[0],
    start: found.index,
    end: found.index + found[0].length,
  }));

/** Whether a fixed text begins or ends there. */
const isEdge = (token: Token | undefined): boolean => token === undefined || token.word === '…';

interface Fragmented {
  readonly before: Token[];
  readonly after: Token[];
  readonly beforeText: string;
  readonly afterText: string;
  readonly pairs: readonly [number, number][];
}

/** What a run of words of the old sentence is in the new one: up to the next words that both have. */
function spanOf({ pairs, after, afterText }: Fragmented, from: number, to: number): string {
  const left = [...pairs].reverse().find(([i]) => i <= from);
  const right = pairs.find(([i]) => i >= to);
  const start = left === undefined ? 0 : left[0] === from ? left[1] : left[1] + 1;
  const end = right === undefined ? after.length - 1 : right[0] === to ? right[1] : right[1] - 1;
  return start > end ? '' : afterText.slice(after[start]!.start, after[end]!.end);
}

/** The fewest words that are taken for a part of a sentence: of a text that says nothing else, and of a longer one. */
const MIN_RUN = 2;
const MIN_RUN_AMONG_OTHERS = 5;

interface Run {
  readonly start: number;
  readonly end: number;
  /** In words. */
  readonly length: number;
  /** What takes its place, '' if that is not known. */
  readonly span: string;
}

export interface Carrier {
  readonly page: (text: string) => string;
  /** `left` gets the literals in which words of a sentence that is gone remain. */
  readonly code: (source: string, left: string[]) => string;
}

/** `test('…', …)` and its like: a title is no expectation. */
function isTitled(node: Node): boolean {
  if (node.type !== 'CallExpression') return false;
  const callee = node.callee as Node;
  return callee.type === 'Identifier' && /^(test|it|describe)$/.test(String(callee.name));
}

/** @param current every sentence that the product has now: what it still says is not replaced */
export function carrierOf(edits: readonly Edit[], current: readonly string[]): Carrier {
  const says = new Set(current);
  const all = current.join('\n');
  const gone = edits.filter(({ before }) => !says.has(textOf(before)));
  const longestFirst = (list: readonly Edit[]): Edit[] =>
    [...list].sort((a, b) => textOf(b.before).length - textOf(a.before).length);
  const rules = [
    ...longestFirst(gone),
    ...longestFirst(gone.flatMap(partRules).filter(({ before }) => !all.includes(textOf(before)))),
  ]
    .map(sentenceRule)
    .filter((rule) => rule !== null);

  const fragments = new Map<string, [Fragmented, number][]>();
  for (const { before, after } of gone) {
    const [beforeText, afterText] = [textOf(before), textOf(after)];
    const [a, b] = [tokensOf(beforeText), tokensOf(afterText)];
    const pairs = pairUp(a, b, { keyOf: ({ word }) => word });
    const entry = { before: a, after: b, beforeText, afterText, pairs };
    a.forEach((_, i) => {
      const run = a.slice(i, i + MIN_RUN).map(({ word }) => word);
      if (run.length < MIN_RUN || run.includes('…')) return;
      const key = run.join(' ');
      fragments.set(key, [...(fragments.get(key) ?? []), [entry, i]]);
    });
  }

  /** The longest run of words that only a sentence which is gone has. */
  const findRun = (text: string): Run | null => {
    const tokens = tokensOf(text);
    let found: Run[] = [];
    for (let k = 0; k + MIN_RUN <= tokens.length; k++) {
      const key = tokens
        .slice(k, k + MIN_RUN)
        .map(({ word }) => word)
        .join(' ');
      for (const [entry, i] of fragments.get(key) ?? []) {
        let length = MIN_RUN;
        const { before, beforeText } = entry;
        while (
          before[i + length] !== undefined &&
          before[i + length]!.word !== '…' &&
          before[i + length]!.word === tokens[k + length]?.word
        )
          length++;
        const whole =
          length === tokens.length ||
          (length > 2 && k + length === tokens.length && isEdge(before[i - 1])) ||
          (length > 2 && k === 0 && isEdge(before[i + length]));
        if (!whole && length < MIN_RUN_AMONG_OTHERS) continue;
        if (length < (found[0]?.length ?? 0)) continue;
        const run = beforeText.slice(before[i]!.start, before[i + length - 1]!.end);
        if (run.length < 10 || all.includes(run)) continue;
        const span = spanOf(entry, i, i + length - 1);
        if (span === run) continue;
        if (length > (found[0]?.length ?? 0)) found = [];
        found.push({ start: tokens[k]!.start, end: tokens[k + length - 1]!.end, length, span });
      }
    }
    const [first] = found;
    if (first === undefined) return null;
    // A few words that became several things may be any of them.
    const unclear = first.length < MIN_RUN_AMONG_OTHERS && found.some(({ span }) => span !== first.span);
    return unclear ? { ...first, span: '' } : first;
  };

  const replaceRuns = (text: string, form: Form, quote: string): string => {
    let done = text;
    for (let i = 0; i < 4; i++) {
      const run = findRun(done);
      if (run === null || run.span === '' || (run.span.includes('…') && form !== 'page')) return done;
      done = done.slice(0, run.start) + encode(run.span, form, quote) + done.slice(run.end);
    }
    return done;
  };

  const applyRules = (text: string, form: Form, quote: string): string => {
    const words = wordsOf(text);
    const pairs = new Set(words.map((word, i) => `${word} ${words[i + 1]}`));
    const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
    const may = (list: readonly string[]): boolean =>
      list.every(
        (word, i) =>
          i + 1 >= list.length ||
          pairs.has(`${word} ${list[i + 1]}`) ||
          (i === 0 && pairs.has(`${capital(word)} ${list[i + 1]}`)),
      );
    return rules.reduce((done, rule) => (may(rule.words) ? rule.apply(done, form, quote) : done), text);
  };

  return {
    page: (text) =>
      applyRules(text, 'page', '')
        .split(/(^```[\s\S]*?^```$|`[^`\n]+`)/m)
        .map((piece, i) =>
          i % 2 === 0
            ? piece
            : piece
                .split('\n')
                .map((line) => replaceRuns(line, 'page', ''))
                .join('\n'),
        )
        .join(''),
    code: (source, left) => {
      const places: { start: number; end: number; text: string }[] = [];
      const visit = (node: Node): void => {
        if (/^(Import|TSLiteralType|TSImportType|Export.*All)/.test(node.type)) return;
        if (isTitled(node)) {
          for (const argument of (node.arguments as Node[]).slice(1)) visit(argument);
          return;
        }
        const isRegex = node.type === 'Literal' && node.regex !== undefined;
        if (!isRegex && partsOf(node) === null) {
          for (const child of childrenOf(node)) visit(child);
          return;
        }
        // Without the quotes, or slashes and flags.
        const start = node.start + 1;
        const end = isRegex ? source.lastIndexOf('/', node.end) : node.end - 1;
        const raw = source.slice(start, end);
        const form: Form = isRegex ? 'regex' : source[node.start] === '`' ? 'template' : 'string';
        const text = replaceRuns(applyRules(raw, form, source[node.start]!), form, source[node.start]!);
        if (findRun(text) !== null) left.push(text);
        if (text !== raw) places.push({ start, end, text });
      };
      visit(parse(source));
      return places
        .sort((a, b) => b.start - a.start)
        .reduce((text, place) => text.slice(0, place.start) + place.text + text.slice(place.end), source);
    },
  };
}
