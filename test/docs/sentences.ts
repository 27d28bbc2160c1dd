/** Sentences of the product: strings and templates of two words or more in sources, and which of them an edit replaced. Pure. */
import { parseSync } from 'oxc-parser';

/** What is fixed in a template, and the source text of the expressions between. */
export interface Sentence {
  /** One more than `expressions`. */
  readonly fixed: readonly string[];
  readonly expressions: readonly string[];
  /** The names that lead to it in the syntax tree: functions, variables, properties. */
  readonly context: string;
}

export interface Edit {
  readonly before: Sentence;
  readonly after: Sentence;
}

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

export function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}

export const parse = (source: string): Node => parseSync('source.ts', source).program as unknown as Node;

export const textOf = ({ fixed }: Sentence): string => fixed.join('…');
export const wordsOf = (text: string): string[] => text.match(/[\p{L}\p{N}_]+/gu) ?? [];

type Part = { readonly fixed: string } | { readonly expression: Node };

/** A string, a template, or several that `+` joins. */
export function partsOf(node: Node): Part[] | null {
  if (node.type === 'Literal' && typeof node.value === 'string') return [{ fixed: node.value }];
  if (node.type === 'TemplateLiteral') {
    const quasis = node.quasis as { value: { cooked: string | null; raw: string } }[];
    const expressions = node.expressions as Node[];
    return quasis.flatMap(({ value }, i) => [
      { fixed: value.cooked ?? value.raw },
      ...(expressions[i] ? [{ expression: expressions[i]! }] : []),
    ]);
  }
  if (node.type === 'BinaryExpression' && node.operator === '+') {
    const [left, right] = [node.left as Node, node.right as Node];
    const [a, b] = [partsOf(left), partsOf(right)];
    if (a === null && b === null) return null;
    return [...(a ?? [{ expression: left }]), ...(b ?? [{ expression: right }])];
  }
  return null;
}

const nameOf = (node: Node): string => {
  const named = (node.key ?? (node.type === 'CallExpression' ? node.callee : node.id)) as Node | undefined;
  return isNode(named) && typeof named.name === 'string' ? named.name : '';
};

/** In the order of the source, each line of a text apart. */
export function sentencesOf(source: string): Sentence[] {
  const found: Sentence[] = [];
  const add = (parts: readonly Part[], context: string): void => {
    let fixed = [''];
    let expressions: string[] = [];
    const close = (): void => {
      if (wordsOf(fixed.join(' ')).length > 1) found.push({ fixed, expressions, context });
      fixed = [''];
      expressions = [];
    };
    for (const part of parts) {
      if ('expression' in part) {
        expressions.push(source.slice(part.expression.start, part.expression.end));
        fixed.push('');
        continue;
      }
      part.fixed.split('\n').forEach((line, i) => {
        if (i > 0) close();
        fixed[fixed.length - 1] += i > 0 ? line.trimStart() : line;
      });
    }
    close();
  };
  /** The strings of SQL in a template; `%I` and its like are expressions of theirs. */
  const addSql = (parts: readonly Part[], context: string): void => {
    for (const part of parts) {
      if ('expression' in part) continue;
      for (const [, text] of part.fixed.matchAll(/'((?:[^'\n]|'')+)'/g)) {
        const pieces = text!.replaceAll("''", "'").split(/(%(?:\d+\$)?[ILs])/);
        const fixed = pieces.filter((_, i) => i % 2 === 0);
        if (wordsOf(fixed.join(' ')).length > 2)
          found.push({ fixed, expressions: pieces.filter((_, i) => i % 2 === 1), context });
      }
    }
  };
  const visit = (node: Node, context: string): void => {
    if (/^(Import|TSLiteralType|TSImportType|Export.*All)/.test(node.type)) return;
    const name = nameOf(node);
    const inner = name === '' ? context : `${context} ${name}`;
    const parts = partsOf(node);
    if (parts === null) {
      for (const child of childrenOf(node)) visit(child, inner);
    } else {
      add(parts, context);
      if (node.type === 'TemplateLiteral') addSql(parts, context);
      for (const part of parts) if ('expression' in part) visit(part.expression, inner);
    }
  };
  visit(parse(source), '');
  return found;
}

/** Pairs of equal elements, in order: a longest common subsequence. */
function align<T>(a: readonly T[], b: readonly T[], score: (x: T, y: T) => number): [number, number][] {
  const width = b.length + 1;
  const best = new Float64Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const pair = score(a[i]!, b[j]!);
      best[i * width + j] = Math.max(
        best[(i + 1) * width + j]!,
        best[i * width + j + 1]!,
        pair > 0 ? pair + best[(i + 1) * width + j + 1]! : 0,
      );
    }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (best[i * width + j] === best[(i + 1) * width + j]) i++;
    else if (best[i * width + j] === best[i * width + j + 1]) j++;
    else pairs.push([i++, j++]);
  }
  return pairs;
}

function likeness(a: Sentence, b: Sentence): number {
  const [x, y] = [new Set(wordsOf(textOf(a))), new Set(wordsOf(textOf(b)))];
  const common = [...x].filter((word) => y.has(word)).length;
  const alike = (2 * common) / (x.size + y.size) + (a.context === b.context ? 0.5 : 0);
  return alike > 0.3 ? alike : 0;
}

/** Pairs of two lists: equal elements, and between them what took the place of what. As many as went are taken in order. */
export function pairUp<T>(
  before: readonly T[],
  after: readonly T[],
  { keyOf, likeness }: { keyOf: (x: T) => string; likeness?: (x: T, y: T) => number },
): [number, number][] {
  const pairs: [number, number][] = [];
  const same = align(before.map(keyOf), after.map(keyOf), (x, y) => (x === y ? 1 : 0));
  let [i, j] = [0, 0];
  for (const [nextI, nextJ] of [...same, [before.length, after.length] as const]) {
    const [gone, come] = [before.slice(i, nextI), after.slice(j, nextJ)];
    const found: [number, number][] =
      gone.length === come.length
        ? gone.map((_, k) => [k, k])
        : likeness === undefined
          ? []
          : align(gone, come, likeness);
    pairs.push(...found.map(([x, y]): [number, number] => [i + x, j + y]), [nextI, nextJ]);
    [i, j] = [nextI + 1, nextJ + 1];
  }
  return pairs.slice(0, -1);
}

/** What became of the sentences of one file. */
export const editsOf = (before: readonly Sentence[], after: readonly Sentence[]): Edit[] =>
  pairUp(before, after, { keyOf: textOf, likeness })
    .map(([i, j]) => ({ before: before[i]!, after: after[j]! }))
    .filter((edit) => textOf(edit.before) !== textOf(edit.after));
