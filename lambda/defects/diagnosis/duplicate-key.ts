/**
 * 23505: everyday, unless the key takes its values from a sequence that is behind its data. Only then is anything named;
 * in doubt nothing is.
 */
import type { DiagnosisQuestion, Repair } from '../../contract/diagnosis';
import type { Database } from '../../postgres/database';
import { searchPathOf } from '../facts';
import { sequenceBehind } from '../kinds/sequence-behind';
import { lastName } from '../last-name';
import { NO_OBJECT } from '../object';
import type { Column, Relation } from '../relations';
import { catchUp } from '../repair/id-default';
import { behindSentence, type SequenceSeen, sequencesOf, usersOf, usesUp } from '../sequences';
import { inOrder, leadsTo, nameIn, relationsBehind, targetOf } from '../targets';
import { compositeKeys, notCompared, positionOf, seenAs } from './composite-key';
import { decide, type Found, listed, NO_STATEMENT, notFound } from './finding';
import { writesTo } from './not-null-sight';

const EVERYDAY = 'Duplicate keys are normal where the application supplies the value.';

export async function diagnoseDuplicateKey(db: Database, question: DiagnosisQuestion): Promise<Found> {
  const { constraint, statement, user } = question;
  if (!constraint) return notFound(['The message does not name the constraint.']);
  const named = await db.query<{ name: string }>(
    `SELECT DISTINCT t.relname AS name FROM pg_class x JOIN pg_index i ON i.indexrelid = x.oid
     JOIN pg_class t ON t.oid = i.indrelid WHERE x.relname = $1`,
    [constraint],
  );
  const writes = statement === null ? [] : writesTo(statement);
  const [relations, path] = await Promise.all([
    relationsBehind(db, [...named.map(({ name }) => name), ...writes.map(({ table }) => table)], user),
    searchPathOf(db, user),
  ]);
  const keys = relations.flatMap((row) => {
    const index = row.uniqueIndexes.find(({ name }) => lastName(name) === constraint);
    const column =
      index?.keys.length === 1 ? row.columns.find(({ name }) => name === index.keys[0]!.column) : undefined;
    return column === undefined ? [] : [{ row, column }];
  });
  if (keys.length === 0) return ofSeveral();
  const candidates = inOrder(keys, ({ row }) => row, null, path).filter(({ row, column }) =>
    left(row, column, relations),
  );
  if (candidates.length === 0) return notFound([`The statement supplies the key itself. ${EVERYDAY}`]);
  return behind(db, candidates, statement === null ? [`${NO_STATEMENT}.`] : []);

  async function ofSeveral(): Promise<Found> {
    const all = compositeKeys(relations, constraint!);
    if (all.length === 0)
      return notFound([`No key ${constraint} takes its values from a sequence. ${EVERYDAY}`]);
    const [first] = inOrder(all, ({ row }) => row, null, path).filter(({ row, column }) =>
      left(row, column, relations),
    );
    if (first === undefined) return notFound([`The statement supplies the key itself. ${EVERYDAY}`]);
    const position = await positionOf(db, first);
    if (position === 'unseen') return notFound([notCompared(first)]);
    const seen = seenAs(first);
    if (position === 'ahead') return notBehind(seen.table);
    return foundAs(
      seen,
      statement === null ? [`${NO_STATEMENT}.`] : [],
      position === 'far' ? usedUp(seen) : await repairOf(db, seen),
    );
  }

  /** False only where the statement is seen to give the column. */
  function left(row: Relation, column: Column, all: readonly Relation[]): boolean {
    const seen = writes.flatMap((write) =>
      write.form === 'UPDATE'
        ? []
        : all
            .filter(({ name }) => name === write.table)
            .map((relation) => targetOf(relation, all))
            .filter((target) => leadsTo(target, row))
            .map((target) => {
              const name = nameIn(target, column.name);
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

const usedUp = ({ table, column, sequence }: SequenceSeen): Repair =>
  decide(
    `An id in ${table}.${column} is so high that ${sequence}, set above it, would have less than a tenth of its values ` +
      'left, or none. If that id is an outlier (a test, an import), change that row and set the sequence above the ' +
      'others. If the ids are really used up, the column and its sequence need a wider type.',
  );

async function repairOf(db: Database, found: SequenceSeen): Promise<Repair> {
  const { sequence: sql, increment, table, column } = found;
  const users = await usersOf(db, sql);
  for (const user of users) if (user.taken !== null && (await usesUp(db, user))) return usedUp(user);
  const repair = catchUp(users.length > 0 ? users : [{ table, column }], { sql, increment });
  const [row] = await db.query<{ cache: number }>(
    'SELECT q.seqcache::int AS cache FROM pg_sequence q WHERE q.seqrelid = to_regclass($1) AND q.seqcache > 1',
    [sql],
  );
  if (row === undefined) return repair;
  const words =
    `${repair.words} A session that has values of it in advance (CACHE ${row.cache}) goes on with those, and fails ` +
    `up to ${row.cache - 1} more times, unless it reconnects.`;
  return { ...repair, words };
}

async function behind(
  db: Database,
  candidates: readonly { readonly row: Relation; readonly column: Column }[],
  unseen: readonly string[],
): Promise<Found> {
  const tables = candidates.flatMap(({ row }) => [row.oid, ...row.ancestors]);
  const rows = await sequencesOf(db, tables);
  const found = rows.find(({ taken }) => taken === true);
  const hidden = rows.filter(({ taken }) => taken === null).map(({ table }) => table);
  if (found === undefined)
    return hidden.length > 0
      ? notFound([`This role may not read whether the sequence of ${listed(hidden)} is behind its data.`])
      : notBehind(candidates[0]!.row.sql);
  return foundAs(found, unseen, await repairOf(db, found));
}

const notBehind = (table: string): Found => ({
  ...notFound([`No sequence of ${table} is behind its data now. ${EVERYDAY}`]),
  case: 'not-reproduced',
  verdict: 'not-reproduced',
});

const foundAs = (seen: SequenceSeen, unseen: readonly string[], repair: Repair): Found => ({
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
  cause: [behindSentence(seen)],
  unseen,
  repair,
});
