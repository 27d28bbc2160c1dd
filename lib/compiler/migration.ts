/**
 * Compiles one file to a migration: its sections, its statements and what is known about them. Problems are added to
 * the source.
 */
import type { Effect } from '../../lambda/contract/effects';
import type { Migration, Query, Statement } from '../../lambda/contract/manifest';
import { sha256 } from '../../lambda/contract/manifest';
import { minifySql } from '../../lambda/sql/minify';
import { collectEffects, findQueryReads, isChecksOnly, listChecks } from './effects';
import { RULES } from './lint';
import { CONSENTS } from './lint/rule';
import { updateModel } from './model/model-updates';
import { FileModel, type FolderModel } from './model/schema-model';
import { computePathAfter, type SearchPath } from './model/search-path';
import type { Problem } from './problem';
import { type FileDirectives, readDirectives } from './read/directives';
import type { FileName } from './read/file-name';
import { isParserReady, ParseFailure } from './read/parser';
import { removeDumpSettings } from './read/pg-dump';
import type { FileLayout, FileSection, SectionName } from './read/sections';
import type { Source } from './read/source';
import { type ParsedStatement, readStatements } from './read/statements';
import { classifyUndo } from './reversible';
import {
  reportBatchProblems,
  reportLocalSettingProblems,
  reportQueryProblems,
  reportStatementProblems,
} from './rules/checks';
import { classify } from './rules/classify';
import { listFindingsWithoutConsent, requireConsent } from './rules/consent';
import { removeDbmateLedgerGrants } from './rules/dbmate';
import type { RuleFacts, RuleFinding } from './rules/facts';
import { addHeldLockFindings, changesOneRow } from './rules/held-locks';
import { checkSections } from './rules/sections';
import { decideVerifyTiming } from './verify-timing';

export interface CompiledFile {
  readonly migration: Migration;
  readonly directions: FileDirectives;
  /** Problems that consent in the file would permit. */
  readonly unconsented: readonly Problem[];
}

interface ClassifiedStatement {
  readonly parsed: ParsedStatement;
  readonly facts: RuleFacts;
  readonly effects: readonly Effect[];
  /** Whether the statement changes at most one row: see {@link changesOneRow}. */
  readonly oneRow?: boolean;
}

/** Words allowed in `-- migrate:consent <word> <why>`. */
const CONSENT_WORDS = [...CONSENTS, ...RULES.map(({ id }) => id)];

const NO_CREATED: ReadonlySet<string> = new Set();

/**
 * Compiles a file.
 * @param folder the model that learns what this file creates, so files must come in the order in which they are applied
 */
export function compileFile(
  source: Source,
  name: FileName,
  layout: FileLayout,
  folder: FolderModel,
  isHistory: boolean,
): CompiledFile {
  const directions = readDirectives(source, layout.directives, CONSENT_WORDS);
  const lenient = layout.plainDbmate || isHistory;
  const file = new FileModel(folder);
  const parsed = (section: SectionName) => {
    const place = layout.sections.get(section);
    return place ? readStatements(source, layout.outline, place) : [];
  };

  const preflight = validateQueries(source, 'preflight', parsed('preflight'));
  const [change, wrong] = source.apart(() => {
    const written = removeDumpSettings(parsed('up'));
    const own = layout.plainDbmate ? removeDbmateLedgerGrants(source, written) : written;
    const up = own.map((statement) => classifyAndUpdate(statement, file));
    file.endTransaction();
    const batch = parsed('batch').map((statement) => {
      const known = classifyAndUpdate(statement, file);
      return { ...known, facts: { ...known.facts, execution: 'batch' as const } };
    });
    reportProblems(source, [...up, ...batch]);
    return { up: addHeldLockFindings(up), batch };
  });
  const verify = validateQueries(source, 'verify', parsed('verify'));
  const down = readDown(source, parsed, file, lenient);

  // History was applied elsewhere and need not run here. If it is to run nevertheless, the error says why it cannot.
  const cannotRun = isHistory && wrong[0] ? `line ${wrong[0].line}: ${wrong[0].message}` : null;
  (cannotRun === null ? source.problems : source.warnings).push(...wrong);
  // The body of a function may also be too deep for the parser. In that case, nothing after it was parsed.
  if (!isParserReady() && source.problems.length === 0)
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
  reportBatchProblems(
    source,
    layout.sections.get('batch'),
    batch.map(({ parsed }) => parsed),
  );

  const statements = [...up, ...batch].map((statement) => toStatement(source, statement));
  const destroys = [...up, ...batch].some(
    ({ facts }) => listFindingsWithoutConsent(facts, 'destroys', directions.consents).length > 0,
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
      verifyWhen: decideVerifyTiming(
        statements,
        verify.map(({ node }) => node),
      ),
      withoutVerify: directions.withoutVerify?.why ?? findUnprovedReason(layout, isHistory),
      down: down.map((statement) => toStatement(source, statement)),
      undo: classifyUndo(
        down.map(({ parsed }) => parsed.node),
        file,
      ),
      settings: directions.settings,
      ...(directions.breaks === null ? {} : { breaks: directions.breaks }),
      checksums: {
        ...computeChecksums(source, layout, down.length > 0),
        ...computePlainChecksum(statements),
      },
      ...(isHistory ? { history: { destroys, cannotRun } } : {}),
    },
  };
}

function findUnprovedReason({ sections, plainDbmate }: FileLayout, isHistory: boolean): string | null {
  if (sections.has('verify')) return null;
  return plainDbmate
    ? 'dbmate file without a verify section'
    : isHistory
      ? 'history without a verify section'
      : null;
}

function reportProblems(source: Source, statements: readonly ClassifiedStatement[]): void {
  for (const { parsed, facts } of statements) reportStatementProblems(source, parsed, facts);
  reportLocalSettingProblems(source, statements);
}

/**
 * Compiles the down section.
 * @param lenient whether problems are only warnings: dbmate does not read a `down` before it is needed
 */
function readDown(
  source: Source,
  parsed: (section: SectionName) => ParsedStatement[],
  file: FileModel,
  lenient: boolean,
): ClassifiedStatement[] {
  const [down, wrong] = source.apart(() => {
    let path: SearchPath = null;
    const statements = parsed('down').map((statement) => {
      const context = { file, created: NO_CREATED, path };
      const facts = classify(statement.node, context);
      path = computePathAfter(statement.node, path, file.folder.nextPath);
      return { parsed: statement, facts, effects: collectEffects(statement, context) };
    });
    reportProblems(source, statements);
    return statements;
  });
  if (!lenient) source.problems.push(...wrong);
  else
    source.warnings.push(
      ...wrong.map((problem) => ({ ...problem, remedy: 'The migration counts as one without a `down`.' })),
    );
  return wrong.length > 0 && lenient ? [] : down;
}

function classifyAndUpdate(parsed: ParsedStatement, file: FileModel): ClassifiedStatement {
  const context = { file, created: file.created, path: file.path };
  let facts = classify(parsed.node, context);
  if (facts.execution !== 'transaction' && file.endTransaction()) facts = classify(parsed.node, context);
  const effects = readEffects(parsed, context);
  const oneRow = changesOneRow(parsed.node, file);
  updateModel(parsed.node, file);
  return { parsed, facts, effects, oneRow };
}

/**
 * Collects the effects of a statement.
 * @throws {ParseFailure} with the place in the file
 */
function readEffects(
  parsed: ParsedStatement,
  context: Parameters<typeof collectEffects>[1],
): ReturnType<typeof collectEffects> {
  try {
    return collectEffects(parsed, context);
  } catch (error) {
    throw error instanceof ParseFailure ? new ParseFailure(error.message, parsed.start) : error;
  }
}

function validateQueries(
  source: Source,
  section: 'preflight' | 'verify',
  parsed: ParsedStatement[],
): ParsedStatement[] {
  for (const statement of parsed) reportQueryProblems(source, section, statement);
  return parsed;
}

function toQuery(source: Source, { sql, start, node }: ParsedStatement): Query {
  const reads = findQueryReads(node);
  return {
    sql,
    line: source.findLine(start),
    checks: listChecks(node),
    ...(isChecksOnly(node) ? { checksOnly: true } : {}),
    ...(reads ? { reads } : {}),
  };
}

function toStatement(source: Source, { parsed, facts, effects }: ClassifiedStatement): Statement {
  const { command, execution, locks, target } = facts;
  return {
    sql: parsed.sql,
    line: source.findLine(parsed.start),
    checksum: sha256(parsed.sql),
    command,
    execution,
    locks,
    destroys: joinFindings(facts.destroys),
    rewrites: joinFindings(facts.rewrites),
    target,
    effects,
  };
}

const joinFindings = (findings: readonly RuleFinding[]): string | null =>
  findings.length === 0 ? null : findings.map(({ what }) => what).join('; ');

/** Computes the checksum that ignores comments and layout; none if the file's statements are unknown. */
function computePlainChecksum(statements: readonly Statement[]): { readonly plain?: string } {
  if (statements.length === 0) return {};
  const plain = statements.map(({ sql, execution }) => [execution === 'batch', minifySql(sql)]);
  return { plain: sha256(JSON.stringify(plain)) };
}

function computeChecksums(
  source: Source,
  { sections }: FileLayout,
  hasDown: boolean,
): Migration['checksums'] {
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
