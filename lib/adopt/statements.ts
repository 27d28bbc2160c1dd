/** The SQL of an entry, cut into statements where PostgreSQL's parser can read it. The parser must be ready. */
import type { Node, RangeVar, VariableSetStmt } from 'libpg-query';
import { outlineOf } from '../compiler/read/outline';
import { isReady } from '../compiler/read/parser';
import { Source } from '../compiler/read/source';
import { type ParsedStatement, readStatements } from '../compiler/read/statements';
import { all, as, sqlName } from '../compiler/read/tree';
import { OWN_SETTINGS } from '../compiler/rules/session';

/** Null where it cannot be read. */
export function statementsOf(file: string, sql: string): readonly ParsedStatement[] | null {
  const source = new Source(file, sql);
  const outline = outlineOf(sql);
  if (outline.metaCommands.length > 0) return null;
  const statements = readStatements(source, outline, { marker: 0, parts: [{ start: 0, end: sql.length }] });
  return source.problems.length > 0 || !isReady() ? null : statements;
}

export const transactionKind = ({ node }: ParsedStatement): string | undefined =>
  as(node, 'TransactionStmt')?.kind;

/** It may commit in the middle of the file, which a file of ours cannot. */
export const mayCommit = ({ node }: ParsedStatement): boolean =>
  as(node, 'CallStmt') !== undefined ||
  all(as(node, 'DoStmt')?.args, 'DefElem').some(({ arg }) =>
    /\b(COMMIT|ROLLBACK)\s*;/i.test(as(arg, 'String')?.sval ?? ''),
  );

export const lineOf = (sql: string, at: number): number => sql.slice(0, at).split('\n').length;

/**
 * Without its BEGIN and COMMIT: a file of ours is one transaction anyway, but for what cannot run in one. Unchanged where
 * something is rolled back, or a transaction is asked for in other words.
 */
export function withoutTransactions(file: string, sql: string): Changed {
  const statements = statementsOf(file, sql);
  const own = (statements ?? []).filter((each) => transactionKind(each) !== undefined);
  const isPlain = (each: ParsedStatement): boolean => {
    const { kind, options = [], chain } = as(each.node, 'TransactionStmt')!;
    return /^TRANS_STMT_(BEGIN|START|COMMIT)$/.test(kind ?? '') && options.length === 0 && !chain;
  };
  return own.every(isPlain) ? without(sql, own) : { sql, lines: [] };
}

/**
 * Settings as a file of ours has them: for its own transaction, and without the timeouts and the isolation that Trueup sets.
 * SET ROLE stays, which is for a person to decide; so does RESET ALL.
 */
export function withLocalSettings(file: string, sql: string): Changed {
  const changes = (statementsOf(file, sql) ?? []).flatMap((each) => {
    const local = asLocal(each);
    return local === undefined ? [] : [{ ...each, local }];
  });
  const [dropped, kept] = [
    changes.filter(({ local }) => local === null),
    changes.filter(({ local }) => local),
  ];
  const text = [...kept]
    .reverse()
    .reduce((rest, { start, end, local }) => rest.slice(0, start) + local + rest.slice(end), sql);
  // The positions have moved: those that are left out are found again.
  const rest =
    dropped.length === 0
      ? text
      : without(
          text,
          (statementsOf(file, text) ?? []).filter((each) => asLocal(each) === null),
        ).sql;
  return { sql: rest, lines: changes.map(({ start }) => lineOf(sql, start)) };
}

/** Null: it is left out. Undefined: it stays. */
function asLocal({ node, sql }: ParsedStatement): string | null | undefined {
  const set = as(node, 'VariableSetStmt');
  const name = set?.name?.toLowerCase();
  if (!set || name === undefined) return undefined;
  if (isIsolation(set)) return null;
  if (/^(role|session_authorization|transaction.*|session characteristics)$/.test(name)) return undefined;
  if (OWN_SETTINGS[name] !== undefined) return null;
  if (set.kind === 'VAR_RESET') return `SET LOCAL ${quoteSetting(name)} TO DEFAULT`;
  if (set.is_local) return undefined;
  const word = /^SET\s+(SESSION\s+)?/i.exec(sql)?.[0];
  return word === undefined ? undefined : `SET LOCAL ${sql.slice(word.length)}`;
}

const isIsolation = ({ name, args }: VariableSetStmt): boolean =>
  name === 'TRANSACTION' && all(args, 'DefElem').every(({ defname }) => defname === 'transaction_isolation');

const quoteSetting = (name: string): string => sqlName(name.split('.'));

/** Without what changes the ledger of the tool itself: a new database of ours has none. */
export function withoutLedger(
  file: string,
  sql: string,
  { schema, name }: { readonly schema: string; readonly name: string },
): Changed {
  if (!sql.includes(name)) return { sql, lines: [] };
  const isLedger = (relation: RangeVar | undefined): boolean =>
    relation?.relname === name && (relation.schemaname ?? schema) === schema;
  return without(
    sql,
    (statementsOf(file, sql) ?? []).filter(({ node }) => relationsChanged(node).some(isLedger)),
  );
}

export interface Changed {
  readonly sql: string;
  /** Of the statements that are left out. */
  readonly lines: readonly number[];
}

function without(sql: string, statements: readonly ParsedStatement[]): Changed {
  const rest = [...statements]
    .sort((a, b) => b.start - a.start)
    .reduce((text, { start, end }) => text.slice(0, start) + text.slice(end).replace(/^\s*;/, ''), sql);
  return {
    sql: statements.length === 0 ? sql : rest.trim(),
    lines: statements.map(({ start }) => lineOf(sql, start)),
  };
}

/** Of a statement that changes this one relation, and no other. */
function relationsChanged(node: Node): readonly (RangeVar | undefined)[] {
  const grant = as(node, 'GrantStmt');
  const granted =
    grant?.targtype === 'ACL_TARGET_OBJECT' && grant.objtype === 'OBJECT_TABLE' ? grant.objects : [];
  const [only, ...others] = [
    ...all(granted, 'RangeVar'),
    ...all(as(node, 'TruncateStmt')?.relations, 'RangeVar'),
  ];
  return [
    as(node, 'AlterTableStmt')?.relation,
    as(node, 'InsertStmt')?.relation,
    as(node, 'UpdateStmt')?.relation,
    as(node, 'DeleteStmt')?.relation,
    as(node, 'CreatePolicyStmt')?.table,
    as(node, 'IndexStmt')?.relation,
    as(node, 'CreateTrigStmt')?.relation,
    ...(others.length === 0 ? [only] : []),
  ];
}
