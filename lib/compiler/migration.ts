/** One file to one migration: sections, statements and what is known of them; problems go to the source. */
import type { Effect } from '../../lambda/contract/effects';
import type { Migration, Query, Statement } from '../../lambda/contract/manifest';
import { sha256 } from '../../lambda/contract/manifest';
import { checksOf, effectsOf } from './effects';
import { RULES } from './lint';
import { CONSENTS } from './lint/rule';
import { updateModel } from './model/model-updates';
import { FileModel, type FolderModel } from './model/schema-model';
import { pathAfter, type SearchPath } from './model/search-path';
import type { Problem } from './problem';
import { type Directions, readDirectives } from './read/directives';
import type { FileName } from './read/file-name';
import { isReady } from './read/parser';
import { withoutDumpSettings } from './read/pg-dump';
import type { FileSection, Layout, SectionName } from './read/sections';
import type { Source } from './read/source';
import { type ParsedStatement, readStatements } from './read/statements';
import { undoOf } from './reversible';
import { batchProblems, localSettingProblems, queryProblems, statementProblems } from './rules/checks';
import { classify } from './rules/classify';
import { requireConsent, unconsented } from './rules/consent';
import { withoutItsLedger } from './rules/dbmate';
import type { Facts, RuleFinding } from './rules/facts';
import { withHeldLocks } from './rules/held-locks';
import { checkSections } from './rules/sections';
import { verifyWhen } from './verify-timing';

export interface CompiledFile {
  readonly migration: Migration;
  readonly directions: Directions;
  /** What the file would have to consent to. */
  readonly unconsented: readonly Problem[];
}

interface Classified {
  readonly parsed: ParsedStatement;
  readonly facts: Facts;
  readonly effects: readonly Effect[];
}

/** `-- migrate:consent <this> <why>` */
const CONSENTABLE = [...CONSENTS, ...RULES.map(({ id }) => id)];

const NO_CREATED: ReadonlySet<string> = new Set();

/** @param folder learns what this file makes: files must come in the order in which they are applied */
export function compileFile(
  source: Source,
  name: FileName,
  layout: Layout,
  folder: FolderModel,
  isHistory: boolean,
): CompiledFile {
  const directions = readDirectives(source, layout.directives, CONSENTABLE);
  const lenient = layout.plainDbmate || isHistory;
  const file = new FileModel(folder);
  const parsed = (section: SectionName) => {
    const place = layout.sections.get(section);
    return place ? readStatements(source, layout.outline, place) : [];
  };

  const preflight = queries(source, 'preflight', parsed('preflight'));
  const [change, wrong] = source.apart(() => {
    const written = withoutDumpSettings(parsed('up'));
    const own = layout.plainDbmate ? withoutItsLedger(source, written) : written;
    const up = own.map((statement) => classifyAndUpdate(statement, file));
    file.endTransaction();
    const batch = parsed('batch').map((statement) => {
      const known = classifyAndUpdate(statement, file);
      return { ...known, facts: { ...known.facts, execution: 'batch' as const } };
    });
    judge(source, [...up, ...batch]);
    return { up: withHeldLocks(up), batch };
  });
  const verify = queries(source, 'verify', parsed('verify'));
  const down = readDown(source, parsed, file, lenient);

  // What was applied elsewhere need not run here: whoever wants it run is told why it cannot.
  const cannotRun = isHistory && wrong[0] ? `line ${wrong[0].line}: ${wrong[0].message}` : null;
  (cannotRun === null ? source.problems : source.warnings).push(...wrong);
  // The body of a function may be too much for the parser as well; what follows it was not read then.
  if (!isReady() && source.problems.length === 0)
    source.report(
      null,
      'the SQL is nested too deeply for the parser',
      'Split the statement, or write a shorter expression.',
    );
  const { batch } = change;
  const up = cannotRun === null ? change.up : [];
  const [, withoutConsent] = source.apart(() => {
    for (const statement of [...up, ...batch])
      requireConsent(source, statement, directions, layout.plainDbmate);
  });
  if (cannotRun === null)
    checkSections(source, name, layout, directions, lenient, { up, verify, preflight, batch, down });
  batchProblems(
    source,
    layout.sections.get('batch'),
    batch.map(({ parsed }) => parsed),
  );

  const statements = [...up, ...batch].map((statement) => toStatement(source, statement));
  const destroys = [...up, ...batch].some(
    ({ facts }) => unconsented(facts, 'destroys', directions.consents).length > 0,
  );
  return {
    directions,
    unconsented: isHistory ? [] : withoutConsent,
    migration: {
      ...name,
      file: source.file,
      description: layout.description,
      preflight: preflight.map((query) => toQuery(source, query)),
      statements,
      verify: verify.map((query) => toQuery(source, query)),
      verifyWhen: verifyWhen(
        statements,
        verify.map(({ node }) => node),
      ),
      unproved: directions.unproved?.why ?? unprovedBecause(layout, isHistory),
      down: down.map((statement) => toStatement(source, statement)),
      undo: undoOf(
        down.map(({ parsed }) => parsed.node),
        file,
      ),
      settings: directions.settings,
      ...(directions.breaks === null ? {} : { breaks: directions.breaks }),
      checksums: checksums(source, layout, down.length > 0),
      ...(isHistory ? { history: { destroys, cannotRun } } : {}),
    },
  };
}

function unprovedBecause({ sections, plainDbmate }: Layout, isHistory: boolean): string | null {
  if (sections.has('verify')) return null;
  return plainDbmate
    ? 'dbmate file without a verify section'
    : isHistory
      ? 'history without a verify section'
      : null;
}

function judge(source: Source, statements: readonly Classified[]): void {
  for (const { parsed, facts } of statements) statementProblems(source, parsed, facts);
  localSettingProblems(source, statements);
}

/** @param lenient what is wrong is a warning: dbmate reads a `down` when it is needed, not before */
function readDown(
  source: Source,
  parsed: (section: SectionName) => ParsedStatement[],
  file: FileModel,
  lenient: boolean,
): Classified[] {
  const [down, wrong] = source.apart(() => {
    let path: SearchPath = null;
    const statements = parsed('down').map((statement) => {
      const context = { file, created: NO_CREATED, path };
      const facts = classify(statement.node, context);
      path = pathAfter(statement.node, path, file.folder.nextPath);
      return { parsed: statement, facts, effects: effectsOf(statement, context) };
    });
    judge(source, statements);
    return statements;
  });
  if (!lenient) source.problems.push(...wrong);
  else
    source.warnings.push(
      ...wrong.map((problem) => ({ ...problem, remedy: 'The migration counts as one without a `down`.' })),
    );
  return wrong.length > 0 && lenient ? [] : down;
}

function classifyAndUpdate(parsed: ParsedStatement, file: FileModel): Classified {
  const context = { file, created: file.created, path: file.path };
  let facts = classify(parsed.node, context);
  if (facts.execution !== 'transaction' && file.endTransaction()) facts = classify(parsed.node, context);
  const effects = effectsOf(parsed, context);
  updateModel(parsed.node, file);
  return { parsed, facts, effects };
}

function queries(
  source: Source,
  section: 'preflight' | 'verify',
  parsed: ParsedStatement[],
): ParsedStatement[] {
  for (const statement of parsed) queryProblems(source, section, statement);
  return parsed;
}

function toQuery(source: Source, { sql, start, node }: ParsedStatement): Query {
  return { sql, line: source.lineOf(start), checks: checksOf(node) };
}

function toStatement(source: Source, { parsed, facts, effects }: Classified): Statement {
  const { command, execution, locks, target } = facts;
  return {
    sql: parsed.sql,
    line: source.lineOf(parsed.start),
    checksum: sha256(parsed.sql),
    command,
    execution,
    locks,
    destroys: inWords(facts.destroys),
    rewrites: inWords(facts.rewrites),
    target,
    effects,
  };
}

const inWords = (findings: readonly RuleFinding[]): string | null =>
  findings.length === 0 ? null : findings.map(({ what }) => what).join('; ');

function checksums(source: Source, { sections }: Layout, hasDown: boolean): Migration['checksums'] {
  const text = (section: FileSection | undefined): string | null =>
    section ? section.parts.map(({ start, end }) => source.text.slice(start, end).trim()).join('\n') : null;
  const of = (section: SectionName): string | null => {
    const written = text(sections.get(section));
    return written === null ? null : sha256(written);
  };
  const batch = text(sections.get('batch'));
  const up = text(sections.get('up')) ?? '';
  return {
    up: sha256(batch === null ? up : `${up}\n-- migrate:batch\n${batch}`),
    down: hasDown ? of('down') : null,
    verify: of('verify'),
    preflight: of('preflight'),
  };
}
