/**
 * Diagnoses 23505. The error is normal unless the key takes its values from a sequence that is behind its data. A
 * finding is named only if this is certain.
 */
import type { DiagnosisRequest, Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { readSearchPath } from '../function-facts';
import { sequenceBehind } from '../kinds/sequence-behind';
import { NO_OBJECT } from '../object';
import type { Column, Relation } from '../relations';
import { buildCatchUpRepair } from '../repair/id-default';
import {
  describeBehind,
  leavesFewValues,
  readSequencesOfTables,
  readSequenceUsers,
  type SequenceStatus,
} from '../sequence-status';
import {
  findStatementName,
  reachesTable,
  readUnderlyingRelations,
  resolveWrittenTable,
  sortBySearchPath,
} from '../targets';
import { extractUnqualifiedName } from '../unqualified-name';
import {
  describeNotCompared,
  findCompositeKeys,
  readSequencePosition,
  toSequenceStatus,
} from './composite-key';
import {
  type DiagnosisFinding,
  formatNameList,
  makeManualDecision,
  makeNotFound,
  NO_STATEMENT_CAVEAT,
} from './finding';
import { parseWrites } from './not-null-statement';

const EVERYDAY_NOTE = 'Duplicate keys are normal where the application supplies the value.';

export async function diagnoseDuplicateKey(
  db: Database,
  question: DiagnosisRequest,
): Promise<DiagnosisFinding> {
  const { constraint, statement, user } = question;
  if (!constraint) return makeNotFound(['The message does not name the constraint.']);
  const named = await db.query<{ name: string }>(
    `SELECT DISTINCT t.relname AS name FROM pg_class x JOIN pg_index i ON i.indexrelid = x.oid
     JOIN pg_class t ON t.oid = i.indrelid WHERE x.relname = $1`,
    [constraint],
  );
  const writes = statement === null ? [] : parseWrites(statement);
  const [relations, path] = await Promise.all([
    readUnderlyingRelations(
      db,
      [...named.map(({ name }) => name), ...writes.map(({ table }) => table)],
      user,
    ),
    readSearchPath(db, user),
  ]);
  const keys = relations.flatMap((row) => {
    const index = row.uniqueIndexes.find(({ name }) => extractUnqualifiedName(name) === constraint);
    const column =
      index?.keys.length === 1 ? row.columns.find(({ name }) => name === index.keys[0]!.column) : undefined;
    return column === undefined ? [] : [{ row, column }];
  });
  if (keys.length === 0) return ofSeveral();
  const candidates = sortBySearchPath(keys, ({ row }) => row, null, path).filter(({ row, column }) =>
    left(row, column, relations),
  );
  if (candidates.length === 0)
    return makeNotFound([`The statement supplies the key itself. ${EVERYDAY_NOTE}`]);
  return diagnoseBehind(db, candidates, statement === null ? [`${NO_STATEMENT_CAVEAT}.`] : []);

  async function ofSeveral(): Promise<DiagnosisFinding> {
    const all = findCompositeKeys(relations, constraint!);
    if (all.length === 0)
      return makeNotFound([`No key ${constraint} takes its values from a sequence. ${EVERYDAY_NOTE}`]);
    const [first] = sortBySearchPath(all, ({ row }) => row, null, path).filter(({ row, column }) =>
      left(row, column, relations),
    );
    if (first === undefined) return makeNotFound([`The statement supplies the key itself. ${EVERYDAY_NOTE}`]);
    const position = await readSequencePosition(db, first);
    if (position.is === 'unseen') return makeNotFound([describeNotCompared(first, position.why)]);
    const seen = toSequenceStatus(first);
    if (position.is === 'ahead') return makeNotBehind(seen.table);
    return makeSequenceFinding(
      seen,
      statement === null ? [`${NO_STATEMENT_CAVEAT}.`] : [],
      position.is === 'far' ? makeUsedUpRepair(seen) : await buildSequenceRepair(db, seen),
    );
  }

  /** Returns whether the statement may leave the column to the sequence. False only if it visibly supplies a value. */
  function left(row: Relation, column: Column, all: readonly Relation[]): boolean {
    const seen = writes.flatMap((write) =>
      write.form === 'UPDATE'
        ? []
        : all
            .filter(({ name }) => name === write.table)
            .map((relation) => resolveWrittenTable(relation, all))
            .filter((target) => reachesTable(target, row))
            .map((target) => {
              const name = findStatementName(target, column.name);
              const at =
                write.columns?.indexOf(name ?? '') ??
                target.named.columns.findIndex((each) => each.name === name);
              const given =
                at < 0 ? 'left-out' : write.gives === null ? 'expression' : (write.gives[at] ?? 'left-out');
              return given === 'left-out' || given === 'default' || given === 'mixed';
            }),
    );
    return seen.length === 0 || seen.includes(true);
  }
}

const makeUsedUpRepair = ({ table, column, sequence }: SequenceStatus): Repair =>
  makeManualDecision(
    `An id in ${table}.${column} is so high that ${sequence}, set above it, would have less than a tenth of its values ` +
      'left, or none. If that id is an outlier (a test, an import), change that row and set the sequence above the ' +
      'others. If the ids are really used up, the column and its sequence need a wider type.',
  );

async function buildSequenceRepair(db: Database, found: SequenceStatus): Promise<Repair> {
  const { sequence: sql, increment, table, column } = found;
  const users = await readSequenceUsers(db, sql);
  for (const user of users)
    if (user.taken !== null && (await leavesFewValues(db, user))) return makeUsedUpRepair(user);
  const repair = buildCatchUpRepair(users.length > 0 ? users : [{ table, column }], { sql, increment });
  const [row] = await db.query<{ cache: number }>(
    'SELECT q.seqcache::int AS cache FROM pg_sequence q WHERE q.seqrelid = to_regclass($1) AND q.seqcache > 1',
    [sql],
  );
  if (row === undefined) return repair;
  const words =
    `${repair.words} A session that has fetched values in advance (CACHE ${row.cache}) continues to use them, and fails ` +
    `up to ${row.cache - 1} more times unless it reconnects.`;
  return { ...repair, words };
}

async function diagnoseBehind(
  db: Database,
  candidates: readonly { readonly row: Relation; readonly column: Column }[],
  unseen: readonly string[],
): Promise<DiagnosisFinding> {
  const tables = candidates.flatMap(({ row }) => [row.oid, ...row.ancestors]);
  const rows = await readSequencesOfTables(db, tables);
  const found = rows.find(({ taken }) => taken === true);
  if (found === undefined) {
    const hidden = rows.filter(({ taken, refused }) => taken === null && refused === undefined);
    const all = [
      ...rows.flatMap(({ table, refused }) =>
        refused === undefined ? [] : [`Whether the sequence of ${table} is behind its data: ${refused}.`],
      ),
      ...(hidden.length > 0
        ? [
            `This role may not read whether the sequence of ${formatNameList(hidden.map(({ table }) => table))} is behind its data.`,
          ]
        : []),
    ];
    return all.length > 0 ? makeNotFound(all) : makeNotBehind(candidates[0]!.row.sql);
  }
  return makeSequenceFinding(found, unseen, await buildSequenceRepair(db, found));
}

const makeNotBehind = (table: string): DiagnosisFinding => ({
  ...makeNotFound([`No sequence of ${table} is behind its data now. ${EVERYDAY_NOTE}`]),
  case: 'not-reproduced',
  verdict: 'not-reproduced',
});

const makeSequenceFinding = (
  seen: SequenceStatus,
  unseen: readonly string[],
  repair: Repair,
): DiagnosisFinding => ({
  kind: sequenceBehind,
  case: null,
  verdict: 'schema',
  object: {
    ...NO_OBJECT,
    table: seen.table,
    column: seen.column,
    columns: [seen.column],
    name: seen.sequence,
  },
  subject: `${seen.table}.${seen.column}`,
  cause: [describeBehind(seen)],
  unseen,
  repair,
});
