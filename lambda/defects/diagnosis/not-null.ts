/** 23502: an id without default, a column that is NOT NULL too early, or an application that gives NULL. */
import type { Database } from '../../postgres/database';
import { type DiagnosisQuestion, NO_OBJECT } from '../defect';
import { type ColumnFacts, columnFacts, meant, searchPathOf } from '../facts';
import { missingIdDefault } from '../missing-id-default';
import { prematureNotNull } from '../premature-not-null';
import { type InsertSeen, insertsIn, tablesIn } from '../statement';
import { type Found, NO_STATEMENT } from './finding';

export async function diagnoseNotNull(db: Database, question: DiagnosisQuestion): Promise<Found> {
  const inserts = question.statement === null ? [] : insertsIn(question.statement);
  // PostgreSQL 12 does not name the table.
  const tables = question.table !== null ? [question.table] : mentionedTables(question, inserts);
  if (question.column === null || tables.length === 0)
    return nothing('The log does not name the table, and the statement was not logged.');
  const facts = (await Promise.all(tables.map((table) => columnFacts(db, table, question.column!)))).flat();
  const schema = inserts.find((insert) => tables.includes(insert.table))?.schema ?? null;
  const facing = meant(facts, schema, await searchPathOf(db, question.user));
  if (facing === null) {
    return nothing(
      facts.length === 0
        ? `There is no table ${tables.join(' or ')} with a column ${question.column} in this database now; a temporary ` +
            'table is not seen from here.'
        : `Several tables have this name (${facts.map((each) => each.table).join(', ')}), and none is on the search path ` +
            `of ${question.user}.`,
    );
  }
  const insert = inserts.find((each) => each.table === question.table || tables.includes(each.table)) ?? null;
  return explainNotNull(facing, question, insert);
}

function mentionedTables(question: DiagnosisQuestion, inserts: readonly InsertSeen[]): readonly string[] {
  if (inserts.length > 0) return inserts.map((insert) => insert.table);
  return question.statement === null ? [] : tablesIn(question.statement);
}

/** Decides from what the catalogue says of the column and from the INSERT; null where there is none to be seen. */
export function explainNotNull(
  column: ColumnFacts,
  question: Pick<DiagnosisQuestion, 'column' | 'statement'>,
  insert: InsertSeen | null,
): Found {
  const name = `${column.table}.${column.column}`;
  const kind = column.inPrimaryKey ? missingIdDefault : prematureNotNull;
  const given = insert === null ? null : insert.columns === null || insert.columns.includes(question.column!);
  const filled = column.default !== null || column.identity;
  const object = {
    ...NO_OBJECT,
    table: column.table,
    column: column.column,
    columns: [column.column],
    detail: column.type,
  };
  const partition = column.partition === null ? [] : [`The row went into its partition ${column.partition}.`];
  const unseen =
    question.statement === null
      ? [`${NO_STATEMENT}, so it cannot be seen whether the application gave NULL itself.`]
      : [];
  const found = { kind, object, subject: name, unseen };

  if (!column.notNull) {
    return {
      ...found,
      case: 'repaired-since',
      cause: [`${name} may be null now: it was changed after the error.`],
    };
  }
  if (filled && given !== false) {
    const what = column.identity ? 'is an identity' : `has the default ${column.default}`;
    return {
      ...found,
      case: given ? 'explicit-null' : 'default-exists',
      cause: [
        `${name} is NOT NULL and ${what}, which serves only statements that leave the column out.`,
        ...(given
          ? ['The statement names the column (or gives all of them), so the application gave NULL for it.']
          : []),
        ...partition,
      ],
      repairWords:
        'The application has to leave the column out, or write DEFAULT for it, where it has no value.',
    };
  }
  if (filled) {
    return {
      ...found,
      case: 'repaired-since',
      cause: [
        `${name} has a default now, and the statement leaves the column out: it was set after the error.`,
      ],
    };
  }
  const cause = column.inPrimaryKey
    ? [`${name} belongs to the primary key, is of type ${column.type}, and has no default.`]
    : column.nulledBy !== null
      ? [
          `${name} is NOT NULL, but foreign key ${column.nulledBy} sets it to null when the referenced row goes or changes.`,
        ]
      : [`${name} is NOT NULL and has no default.`];
  if (given === false) cause.push('The statement leaves the column out.');
  if (given === true)
    cause.push('The statement names the column (or gives all of them), so the application gave NULL for it.');
  if (given === null && question.statement !== null && column.nulledBy === null)
    cause.push('The statement is no INSERT into this table: an UPDATE, or something inside a function.');
  return {
    ...found,
    case: column.nulledBy !== null && !column.inPrimaryKey ? 'set-null' : null,
    cause: [...cause, ...partition],
  };
}

const nothing = (why: string): Found => ({
  kind: null,
  case: null,
  object: NO_OBJECT,
  subject: null,
  cause: [],
  unseen: [why],
});
