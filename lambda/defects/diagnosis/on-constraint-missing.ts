/** Diagnoses ON CONFLICT ON CONSTRAINT with a constraint that the table does not have. */
import type { DiagnosisVerdict, Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import type { ParsedInsert } from '../../sql/insert';
import { quoteIfNeeded } from '../../sql/quote';
import { buildConflictClause, describeIndex, type UniqueIndex } from '../conflict';
import type { Relation } from '../relations';
import { buildDuplicatesSql, chooseFreeName, readTakenNames } from '../repair/conflict-target';
import { extractUnqualifiedName } from '../unqualified-name';
import {
  type DiagnosisFinding,
  formatNameList,
  makeManualDecision,
  makeRepair,
  NOTHING_NOW_REPAIR,
} from './finding';
import { canBeArbiter, listKeyTexts, makeConstraintFinding } from './on-constraint-finding';

export async function diagnoseMissing(
  db: Database,
  table: Relation,
  name: string,
  insert: ParsedInsert | null,
): Promise<DiagnosisFinding> {
  const sql = quoteIfNeeded(name);
  const say = (
    which: string,
    verdict: DiagnosisVerdict,
    index: UniqueIndex | null,
    cause: string,
    repair: Repair,
  ) =>
    makeConstraintFinding(
      table,
      sql,
      index === null ? [] : listKeyTexts(index),
      which,
      verdict,
      cause,
      repair,
    );
  const there = table.uniqueIndexes.find((index) => index.constraint === name);
  if (there !== undefined)
    return {
      ...say(
        'not-reproduced',
        'not-reproduced',
        there,
        `${table.sql} has the constraint ${sql} now.`,
        makeRepair(NOTHING_NOW_REPAIR),
      ),
      unseen: [
        'The catalog keeps no timestamps, so it is not known whether the constraint is newer than the error, or ' +
          'whether a session wrote to another table of this name.',
      ],
    };
  const bare = table.uniqueIndexes.find(
    (index) => index.constraint === null && extractUnqualifiedName(index.name) === name,
  );
  if (bare !== undefined) {
    const cause = `${describeIndex(bare)} on ${table.sql} is an index, not a constraint, so ON CONSTRAINT does not find it.`;
    const usable = bare.plain && canBeArbiter(bare) && !bare.partitioned;
    return usable
      ? say(
          'index-only',
          'schema',
          bare,
          cause,
          makeRepair(
            'Turn the index into a constraint; nothing is built, and the lock is held only for a moment. Or name ' +
              `the columns in the statement: ${buildConflictClause(bare)}.`,
            [`ALTER TABLE ${table.sql} ADD CONSTRAINT ${sql} UNIQUE USING INDEX ${bare.name};`],
          ),
        )
      : say(
          'index-only',
          'application',
          bare,
          cause,
          makeRepair(`Name the columns in the statement: ${buildConflictClause(bare)}.`),
        );
  }
  // A constraint that has since been renamed had PostgreSQL's default name, which is derived from its columns.
  const keys = table.uniqueIndexes.filter(canBeArbiter);
  const taken = new Set<string>();
  const renamed = keys.find((index) =>
    index.primary
      ? name === `${table.name}_pkey`
      : index.keys.every(({ column }) => column !== null) &&
        extractUnqualifiedName(chooseFreeName(table.sql, listKeyTexts(index), taken)) === name,
  );
  const cause = `${table.sql} has no constraint ${sql}${keys.length === 0 ? ', and no unique index at all' : `: it has ${formatNameList(keys.map(describeIndex))}`}.`;
  if (renamed !== undefined && renamed.predicate === null) {
    const change =
      renamed.constraint !== null
        ? `ALTER TABLE ${table.sql} RENAME CONSTRAINT ${quoteIfNeeded(renamed.constraint)} TO ${sql};`
        : renamed.plain && !renamed.partitioned
          ? `ALTER TABLE ${table.sql} ADD CONSTRAINT ${sql} UNIQUE USING INDEX ${renamed.name};`
          : null;
    return say(
      'other-name',
      'schema',
      renamed,
      cause,
      makeManualDecision(
        `${renamed.name} has the columns from which PostgreSQL derives the name ${sql}. Either rename it back, if ` +
          `nothing uses its current name, or name the columns in the statement: ${buildConflictClause(renamed)}.`,
        change === null ? [] : [change],
      ),
    );
  }
  const columns = parseColumnsOfName(name, table);
  if (columns !== null && table.kind !== 'partitioned' && insert?.conflict?.constraint === name) {
    const free = chooseFreeName(table.sql, columns, await readTakenNames(db, table.schema));
    const list = columns.join(', ');
    return say(
      'no-constraint',
      'schema',
      null,
      cause,
      makeManualDecision(
        `By its name it is a key on (${list}). If so, first look for rows that violate it and resolve them, then create it.`,
        [
          buildDuplicatesSql(table.sql, columns, null),
          `CREATE UNIQUE INDEX CONCURRENTLY ${free} ON ${table.sql} (${list});`,
          `ALTER TABLE ${table.sql} ADD CONSTRAINT ${sql} UNIQUE USING INDEX ${free};`,
        ],
      ),
    );
  }
  return say(
    'no-constraint',
    'application',
    null,
    cause,
    makeManualDecision(
      `The name ${sql} does not show which columns it was on. Name one of the existing keys in the statement, or ` +
        'find the migration that creates the constraint.',
    ),
  );
}

/**
 * Splits a default name into columns: `orders_tenant_id_number_key` → tenant_id, number. null if this is not possible
 * in exactly one way.
 */
function parseColumnsOfName(name: string, table: Relation): readonly string[] | null {
  const prefix = `${table.name}_`;
  if (!name.startsWith(prefix) || !name.endsWith('_key')) return null;
  const lists = (rest: string): string[][] =>
    rest === ''
      ? [[]]
      : table.columns.flatMap(({ name: column, sql }) =>
          rest === column
            ? [[sql]]
            : rest.startsWith(`${column}_`)
              ? lists(rest.slice(column.length + 1)).map((more) => [sql, ...more])
              : [],
        );
  const found = lists(name.slice(prefix.length, -'_key'.length));
  return found.length === 1 && found[0]!.length > 0 ? found[0]! : null;
}
