/** One file to one migration: sections, statements and what is known of them; problems go to the source. */
import type { Migration, Query, Statement } from '../../lambda/engine/manifest';
import { sha256 } from '../../lambda/engine/manifest';
import { batchProblems, localSettingProblems, queryProblems, statementProblems } from './checks';
import { classify } from './classify';
import { type Directions, readDirectives } from './directives';
import type { Facts, Finding } from './facts';
import type { FileName } from './file-name';
import { FileKnowledge, type FolderKnowledge } from './knowledge';
import { learn } from './lessons';
import { isReady } from './parser';
import { pathAfter, type SearchPath } from './search-path';
import { type Layout, readLayout, type Section, type SectionName } from './sections';
import type { Source } from './source';
import { type ParsedStatement, readStatements } from './statements';
import { undoOf } from './undo';
import { verifyWhen } from './verify-when';

export interface CompiledFile {
  readonly migration: Migration;
  readonly directions: Directions;
}

interface Classified {
  readonly parsed: ParsedStatement;
  readonly facts: Facts;
}

const NO_CREATED: ReadonlySet<string> = new Set();

/** @param folder learns what this file makes: files must come in the order in which they are applied */
export function compileFile(source: Source, name: FileName, folder: FolderKnowledge): CompiledFile {
  const layout = readLayout(source);
  const directions = readDirectives(source, layout.directives);
  const plainDbmate = isPlainDbmate(name, layout);
  const file = new FileKnowledge(folder);
  const parsed = (section: SectionName) => {
    const place = layout.sections.get(section);
    return place ? readStatements(source, layout.outline, place) : [];
  };

  const preflight = queries(source, 'preflight', parsed('preflight'));
  const up = parsed('up').map((statement) => learnt(statement, file));
  file.endTransaction();
  const batch = parsed('batch').map((statement) => {
    const { facts } = learnt(statement, file);
    return { parsed: statement, facts: { ...facts, execution: 'batch' as const } };
  });
  const verify = queries(source, 'verify', parsed('verify'));
  let path: SearchPath = null;
  const down = parsed('down').map((statement) => {
    const facts = classify(statement.node, { file, created: NO_CREATED, path });
    path = pathAfter(statement.node, path, folder.nextPath);
    return { parsed: statement, facts };
  });

  // The body of a function may be too much for the parser as well; what follows it was not read then.
  if (!isReady() && source.problems.length === 0)
    source.report(
      null,
      'the SQL is nested too deeply for the parser',
      'Split the statement, or write a shorter expression.',
    );
  for (const { parsed, facts } of [...up, ...batch, ...down]) statementProblems(source, parsed, facts);
  for (const section of [[...up, ...batch], down]) localSettingProblems(source, section);
  for (const statement of [...up, ...batch]) requireConsent(source, statement, directions, plainDbmate);
  checkSections(source, name, layout, directions, plainDbmate, { up, verify, preflight, batch, down });
  batchProblems(
    source,
    layout.sections.get('batch'),
    batch.map(({ parsed }) => parsed),
  );

  const statements = [...up, ...batch].map((statement) => toStatement(source, statement));
  return {
    directions,
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
      unproved: directions.unproved?.why ?? (plainDbmate ? 'dbmate file without a verify section' : null),
      down: down.map((statement) => toStatement(source, statement)),
      undo: undoOf(
        down.map(({ parsed }) => parsed.node),
        file,
      ),
      settings: directions.settings,
      checksums: checksums(source, layout, down.length > 0),
    },
  };
}

function learnt(parsed: ParsedStatement, file: FileKnowledge): Classified {
  const look = () => classify(parsed.node, { file, created: file.created, path: file.path });
  let facts = look();
  if (facts.execution !== 'transaction') {
    file.endTransaction();
    facts = look();
  }
  learn(parsed.node, file);
  return { parsed, facts };
}

/** Nothing in it is ours: only dbmate's sections, and the name that `dbmate new` gives. */
const isPlainDbmate = ({ version }: FileName, { sections, directives }: Layout): boolean =>
  version.length === 14 &&
  directives.length === 0 &&
  sections.has('up') &&
  [...sections.keys()].every((section) => section === 'up' || section === 'down');

function queries(
  source: Source,
  section: 'preflight' | 'verify',
  parsed: ParsedStatement[],
): ParsedStatement[] {
  for (const statement of parsed) queryProblems(source, section, statement);
  return parsed;
}

function toQuery(source: Source, { sql, start }: ParsedStatement): Query {
  return { sql, line: source.lineOf(start) };
}

function toStatement(source: Source, { parsed, facts }: Classified): Statement {
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
  };
}

const inWords = (findings: readonly Finding[]): string | null =>
  findings.length === 0 ? null : findings.map(({ what }) => what).join('; ');

/** Data that is destroyed does not come back; a rewrite in a plain dbmate file is left to the statement timeout. */
function requireConsent(
  source: Source,
  { parsed, facts }: Classified,
  { consents }: Directions,
  plainDbmate: boolean,
): void {
  const place = ({ at }: Finding) => (at === undefined || at < 0 ? parsed.start : parsed.offsetOf(at));
  if (!consents.has('destroys'))
    for (const finding of facts.destroys)
      source.report(
        place(finding),
        `${finding.what}: data may be lost, and the file does not consent to it`,
        'If it is meant, add the line `-- migrate:consent destroys <why>`.',
      );
  if (!consents.has('rewrites') && !plainDbmate)
    for (const finding of facts.rewrites)
      source.report(
        place(finding),
        `${finding.what}: that may take long, and the file does not consent to it`,
        `${finding.remedy} ${finding.remedy ? 'Or' : 'If it is meant,'} add the line \`-- migrate:consent rewrites <why>\`.`.trim(),
      );
}

function checkSections(
  source: Source,
  name: FileName,
  { sections, mistyped }: Layout,
  { unproved }: Directions,
  plainDbmate: boolean,
  found: Readonly<Record<SectionName, readonly unknown[]>>,
): void {
  const broken = source.problems.length > 0;
  const empty = (section: SectionName): boolean =>
    sections.has(section) && found[section].length === 0 && !broken;
  const marker = (section: SectionName): number => sections.get(section)!.marker;
  if (!sections.has('up') && !sections.has('batch')) {
    if (!mistyped && (sections.size > 0 || !broken))
      source.report(null, 'there is no section `up`', 'Write `-- migrate:up` on a line before the SQL.');
    return;
  }
  if (empty('up'))
    source.report(marker('up'), 'the section `up` is empty', 'Write the SQL below it, or remove the file.');
  for (const section of ['preflight', 'verify', 'batch'] as const)
    if (empty(section))
      source.report(
        marker(section),
        `the section \`${section}\` is empty`,
        'Write SQL below it, or remove it.',
      );
  if (name.kind === 'repeatable' && sections.has('down'))
    source.report(
      marker('down'),
      'a repeatable migration has no `down`',
      'Remove it: after a rollback the older file of the same name is applied again.',
    );
  if (sections.has('verify') && unproved)
    source.report(
      unproved.at,
      'the file has a section `verify` and says why it has none',
      'Remove one of the two.',
    );
  // An open quote swallows the sections below it.
  const swallowed = broken && /^--\s*migrate:verify\b/m.test(source.text);
  if (!sections.has('verify') && !unproved && !plainDbmate && !mistyped && !swallowed)
    source.report(
      null,
      'there is no section `verify`',
      'Write `-- migrate:verify` and a query that returns a sentence for whatever is wrong, or say why not: `-- migrate:unproved <why>`.',
    );
}

function checksums(source: Source, { sections }: Layout, hasDown: boolean): Migration['checksums'] {
  const text = (section: Section | undefined): string | null =>
    section ? source.text.slice(section.start, section.end).trim() : null;
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
