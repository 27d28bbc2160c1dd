/**
 * Lints the English of the project: `npm run lint:text -- [--summary] [FILE-OR-FOLDER…]`. Words come from docs/glossary.md,
 * constructions from constructions.yml. Texts are Markdown pages and, in TypeScript, comments and literals of three words
 * or more. Code, quotations, SQL and what the glossary forbids are left out by rule, not by comments in files.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TextlintKernel } from '@textlint/kernel';
import markdown from '@textlint/textlint-plugin-markdown';
import { parseSync } from 'oxc-parser';
import prh from 'textlint-rule-prh';
import terminology from 'textlint-rule-terminology';

const HOUSE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HOUSE, '../..');
const GLOSSARY = 'docs/glossary.md';
const SOURCES = /^(?:lib|lambda|bin|demo)\/.*\.c?[jt]s$|^(?!test\/).*\.md$/;

/** Parses the glossary. Returns each term with the words and the names that its last column forbids. */
export function parseGlossary(text) {
  const terms = [];
  for (const line of text.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const [, term] = /^\*\*(.+)\*\*$/.exec(cells[1] ?? '') ?? [];
    if (term === undefined) continue;
    const entries = cells
      .at(-2)
      .split(/,\s+(?![^(]*\))/)
      .filter(Boolean);
    terms.push({
      term,
      words: entries.filter((entry) => !/^`|\)$/.test(entry)),
      names: entries.flatMap((entry) => /^`(.+)`$/.exec(entry)?.[1] ?? []),
    });
  }
  return terms;
}

/** The words to avoid, as patterns for textlint-rule-terminology. */
const listTerms = (glossary) =>
  glossary.flatMap(({ term, words }) =>
    words.map((word) => [`(?<![-\\w/.@:])${word.replaceAll(' ', '\\s+')}s?(?![-\\w/@]|\\.\\w)`, term]),
  );

/** Ends a text where something that is no text follows: a tag, an expression. */
const BREAK = '\uE000';

const blank = (text) => text.replace(/[^\n]/g, ' ');
/** A character that is part of no word and means nothing in Markdown. */
const fill = (text) => text.replace(/[^\n]/g, '·');

/** Replaces what is not ours by characters that no rule matches: code, quotations, addresses, tags. Keeps the length. */
const maskForeign = (text) =>
  text
    .replace(/\\?`(?:[^`\n]|\n(?!\s*\n))+`/g, fill)
    .replace(/\{@link [^}]*\}/g, fill)
    .replace(/"(?:[^"\n]|\n(?!\s*\n))*"|“[^”]*”/g, fill)
    .replace(/https?:\/\/\S+/g, fill)
    .replace(/<\/?[a-z!][^<>]*>/g, fill);

const SQL_WORDS =
  /\b(?:SELECT|FROM|WHERE|INSERT|VALUES|UPDATE|DELETE|CREATE|ALTER|DROP|JOIN|AND|OR|NOT|NULL|EXISTS|CASE|WHEN|THEN|ELSE|BEGIN|DECLARE|RETURN|RETURNS|SET|GRANT|REVOKE|RAISE|AS|ON|IS|IN|BY)\b|::\w/g;
const THREE_PLAIN_WORDS = /(?<![\w.(])[A-Za-z]?[a-z]+ [a-z]+,? [a-z]+(?![\w.(]*[.(]\w)/g;

/** Whether a literal is SQL: words of SQL in capitals outnumber what prose has, three plain words in a row. */
export function isSql(text) {
  const outside = text.replace(/'(?:[^']|'')*'/g, "''").replace(/--[^\n]*/g, '');
  const sql = outside.match(SQL_WORDS)?.length ?? 0;
  const prose = outside.match(THREE_PLAIN_WORDS)?.length ?? 0;
  return sql > 0 && sql >= 3 * prose;
}

/** The parts of SQL that are text: its comments, but for directives, and its literals. */
const SQL_TEXT = /--(?! ?migrate:)[^\n]*(?:\n[ \t]*--(?! ?migrate:)[^\n]*)*|(?<=')(?:[^'\n]|'')+(?=')/g;

/** A list of words, such as the keywords of a language: many in a row without a capital or a punctuation mark. */
const isWordList = (text) => /^\s*(?:[a-z_]+\s+){20,}[a-z_]+\s*$/.test(text);

const countWords = (text) => text.match(/(?<=^|[\s(·])[A-Za-z][\w'’-]*(?=$|[\s),.;:!?·])/g)?.length ?? 0;

/** A comment's text, with what frames it blanked. */
function stripComment({ type, start, end }, source) {
  const raw = source.slice(start, end);
  if (/^\/[/*]\s*(?:biome-ignore|@ts-|[#@]__|<reference|!)/.test(raw)) return blank(raw);
  if (type === 'Line') return `  ${raw.slice(2)}`;
  const isDoc = raw.startsWith('/**');
  return `${isDoc ? '/**' : '  '}${raw.slice(isDoc ? 3 : 2, -2).replace(/^[ \t]*\*/gm, blank)}  `
    .replace(/```[\s\S]*?(?:```|$)/g, blank)
    .replace(/^\s*@example\b[\s\S]*?(?=^\s*@\w|(?![\s\S]))/gm, blank)
    .replace(/@default (?!- )[^\n]*(?:\n(?!\s*(?:@|\n|$))[^\n]*)*/g, blank)
    .replace(
      /(?<=\s)@(?:param +\w+|returns?|throws|default|see|internal|deprecated)\b(?: \{[^}]*\})?(?: - )?/g,
      (tag) => blank(tag).replace(/.$/, BREAK),
    );
}

/**
 * Returns the texts of a TypeScript file as ranges of a masked copy, which has the same length and the same lines: what
 * is not text is blank there.
 */
export function extractTexts(path, source) {
  const { program, comments } = parseSync(path, source, { lang: 'ts', astType: 'ts' });
  const masked = blank(source).split('');
  const texts = [];
  /** Adds the parts of a range that blank lines, list items, tags and expressions separate. */
  const add = (start, text) => {
    for (const { 0: part, index } of maskForeign(text).matchAll(
      /(?:[^\n\uE000]|\n(?!\s*(?:\n|[-*] |\d\. )))+/g,
    )) {
      if (!/\w/.test(part)) continue;
      for (let i = 0; i < part.length; i++) masked[start + index + i] = part[i];
      texts.push({ start: start + index, end: start + index + part.length });
    }
  };

  const addLiteral = (start, text) => {
    if (countWords(maskForeign(text)) >= 3 && !isWordList(text)) add(start, text);
  };

  for (let i = 0; i < comments.length; i++) {
    const first = comments[i];
    let text = stripComment(first, source);
    // Line comments on consecutive lines are one text.
    for (; first.type === 'Line' && comments[i + 1]?.type === 'Line'; i++) {
      const between = source.slice(comments[i].end, comments[i + 1].start);
      if (!/^\n[ \t]*$/.test(between)) break;
      text += between + stripComment(comments[i + 1], source);
    }
    add(first.start, text);
  }
  visit(
    program,
    (start, text) => {
      const unescaped = text.replace(/\\(?:[nrt]|u\{?[\da-f]+\}?|x..)/gi, blank).replace(/\\(?=['"])/g, ' ');
      if (!isSql(text)) addLiteral(start, unescaped);
      else
        for (const { 0: part, index } of unescaped.matchAll(SQL_TEXT))
          if (!isSql(part)) addLiteral(start + index, part.replace(/^[ \t]*--/gm, blank));
    },
    source,
  );
  return { masked: masked.join(''), texts };
}

/** Calls `found` for each string and template literal; expressions in a template are replaced by U+E000, which ends a text. */
export function visit(node, found, source) {
  if (node.type === 'Literal' && typeof node.value === 'string')
    found(node.start + 1, source.slice(node.start + 1, node.end - 1));
  if (node.type === 'ImportDeclaration' || node.type === 'ExportAllDeclaration') return;
  if (node.type === 'TemplateLiteral') {
    let text = source.slice(node.start + 1, node.end - 1);
    for (let i = 0; i + 1 < node.quasis.length; i++) {
      // Elements of TypeScript's syntax tree include `${` and `}`.
      const from = node.quasis[i].end - node.start - 3;
      const to = node.quasis[i + 1].start - node.start;
      text = text.slice(0, from) + BREAK.repeat(to - from) + text.slice(to);
    }
    found(node.start + 1, text);
  }
  for (const key in node) {
    const child = node[key];
    if (child === null || typeof child !== 'object') continue;
    if (Array.isArray(child)) for (const each of child) each?.type && visit(each, found, source);
    else if (child.type) visit(child, found, source);
  }
}

// Node and Vitest import modules of CommonJS differently.
const { Processor: MarkdownProcessor } = markdown.default ?? markdown;

/** A plugin of textlint for the Markdown pages; what is not ours is masked in them too. */
const pages = {
  Processor: class extends MarkdownProcessor {
    processor(ext) {
      const { preProcess, postProcess } = super.processor(ext);
      return {
        preProcess(text, path) {
          const masked = path === GLOSSARY ? maskGlossary(maskQuotations(text)) : maskQuotations(text);
          return { text: masked, ast: preProcess(masked, path) };
        },
        postProcess,
      };
    }
  },
};

/** Quotations in a paragraph or a table cell. */
const maskQuotations = (text) => text.replace(/"(?:[^"\n|]|\n(?!\s*\n))*"|“[^”|]*”/g, fill);

/** The glossary's last column names the words to avoid, and so does what it emphasizes. */
const maskGlossary = (text) =>
  text.replace(/(?<=^\|.*\|)[^|\n]*(?=\|$)/gm, fill).replace(/(?<!\*)\*[^*\n]+\*(?!\*)/g, fill);

/** A plugin of textlint for TypeScript: a document of paragraphs, one for each text. */
const sources = {
  Processor: class {
    availableExtensions() {
      return ['.ts'];
    }
    processor() {
      return {
        preProcess(source, path) {
          const { masked, texts } = extractTexts(path, source);
          const locate = makeLocator(masked);
          const makeNode = (type, start, end, rest) => ({
            type,
            raw: masked.slice(start, end),
            range: [start, end],
            loc: { start: locate(start), end: locate(end) },
            ...rest,
          });
          const children = texts
            .toSorted((a, b) => a.start - b.start)
            .map(({ start, end }) =>
              makeNode('Paragraph', start, end, {
                children: [makeNode('Str', start, end, { value: masked.slice(start, end) })],
              }),
            );
          return { text: masked, ast: makeNode('Document', 0, masked.length, { children }) };
        },
        postProcess: (messages, filePath) => ({ messages, filePath }),
      };
    }
  },
};

/** Returns a function from an offset to textlint's line, from 1, and column, from 0. */
function makeLocator(text) {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - starts[low] };
  };
}

/**
 * Lints texts.
 * @param files their paths from the root of the repository, and their content
 */
export async function lintTexts(files, glossary, constructions) {
  const kernel = new TextlintKernel();
  const terms = listTerms(parseGlossary(glossary));
  const options = {
    plugins: [
      { pluginId: 'pages', plugin: pages },
      { pluginId: 'sources', plugin: sources },
    ],
    rules: [
      {
        ruleId: 'construction',
        rule: prh.default ?? prh,
        options: { ruleContents: [constructions], checkLink: true, checkEmphasis: true },
      },
      {
        ruleId: 'term',
        rule: terminology.default ?? terminology,
        options: { defaultTerms: false, terms, skip: ['BlockQuote'] },
      },
    ],
  };
  const hits = [];
  for (const { path, text } of files) {
    const ext = path.endsWith('.md') ? '.md' : '.ts';
    const { messages } = await kernel.lintText(text, { ...options, filePath: path, ext });
    for (const { ruleId, message, line, column } of messages)
      hits.push({ path, line, column, ...parseMessage(ruleId, message) });
  }
  return hits;
}

/** A message of prh is `text => text\nrule: advice`, one of terminology `Incorrect term: “text”, use “term” instead`. */
function parseMessage(ruleId, message) {
  if (ruleId === 'construction') {
    const [, text, rule, advice] = /^([\s\S]*?) => [\s\S]*\n([a-z-]+): (.*)$/.exec(message);
    return { rule, text: toOneLine(text), advice };
  }
  const [, text, term] = /“([\s\S]*)”, use “(.*)” instead/.exec(message);
  return { rule: `term ${term.toLowerCase()}`, text: toOneLine(text), advice: `use “${term}”` };
}

const toOneLine = (text) => text.replace(/\s+/g, ' ').trim();

const count = (hits, keyOf) => {
  const counts = new Map();
  for (const hit of hits) counts.set(keyOf(hit), (counts.get(keyOf(hit)) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([key, number]) => `${String(number).padStart(6)}  ${key}`);
};

/** `lib/audit`, `docs`: the folder, to a depth of two. */
const folderOf = ({ path }) => dirname(path).split('/').slice(0, 2).join('/');

async function main(args) {
  const wanted = args.filter((arg) => !arg.startsWith('--'));
  const paths = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', ...wanted], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((path) => SOURCES.test(path) && existsSync(join(ROOT, path)));
  const read = (path) => readFileSync(join(ROOT, path), 'utf8');
  const files = paths.map((path) => ({ path, text: read(path) }));
  const hits = await lintTexts(files, read(GLOSSARY), readFileSync(join(HOUSE, 'constructions.yml'), 'utf8'));
  if (!args.includes('--summary'))
    for (const { path, line, column, rule, text, advice } of hits)
      console.log(`${path}:${line}:${column}  ${rule}  ${text}  (${advice})`);
  if (hits.length > 0)
    console.log(
      `\nby rule\n${count(hits, ({ rule }) => rule).join('\n')}\n\nby folder\n${count(hits, folderOf).join('\n')}\n`,
    );
  console.log(`${files.length} files, ${hits.length} hits`);
  process.exitCode = hits.length > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
