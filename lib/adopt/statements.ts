/**
 * Splits an entry's SQL into statements and edits them, where PostgreSQL's parser can read the SQL. The parser must be
 * loaded.
 */
import type { Node, RangeVar, VariableSetStmt } from 'libpg-query';
import { parseOutline } from '../compiler/read/outline';
import { isParserReady } from '../compiler/read/parser';
import { Source } from '../compiler/read/source';
import { type ParsedStatement, readStatements } from '../compiler/read/statements';
import { formatSqlName, unwrapNode, unwrapNodes } from '../compiler/read/tree';
import { ENGINE_SETTINGS } from '../compiler/rules/session';

/** Returns the statements of `sql`; `null` if it does not parse or contains psql meta-commands. */
export function parseStatements(file: string, sql: string): readonly ParsedStatement[] | null {
  const source = new Source(file, sql);
  const outline = parseOutline(sql);
  if (outline.metaCommands.length > 0) return null;
  const statements = readStatements(source, outline, { marker: 0, parts: [{ start: 0, end: sql.length }] });
  return source.problems.length > 0 || !isParserReady() ? null : statements;
}

export const getTransactionKind = ({ node }: ParsedStatement): string | undefined =>
  unwrapNode(node, 'TransactionStmt')?.kind;

/** Whether the statement may commit in the middle of the file, which Trueup does not allow. */
export const mayCommit = ({ node }: ParsedStatement): boolean =>
  unwrapNode(node, 'CallStmt') !== undefined ||
  unwrapNodes(unwrapNode(node, 'DoStmt')?.args, 'DefElem').some(({ arg }) =>
    /\b(COMMIT|ROLLBACK)\s*;/i.test(unwrapNode(arg, 'String')?.sval ?? ''),
  );

export const findLine = (sql: string, at: number): number => sql.slice(0, at).split('\n').length;

/**
 * Removes BEGIN and COMMIT: Trueup runs a file in one transaction anyway, except for statements that cannot run in one.
 * The text is returned unchanged if it contains ROLLBACK, savepoints, or a BEGIN or COMMIT with options.
 */
export function removeTransactions(file: string, sql: string): RewrittenSql {
  const statements = parseStatements(file, sql);
  const own = (statements ?? []).filter((each) => getTransactionKind(each) !== undefined);
  const isPlain = (each: ParsedStatement): boolean => {
    const { kind, options = [], chain } = unwrapNode(each.node, 'TransactionStmt')!;
    return /^TRANS_STMT_(BEGIN|START|COMMIT)$/.test(kind ?? '') && options.length === 0 && !chain;
  };
  return own.every(isPlain) ? removeStatements(sql, own) : { sql, lines: [] };
}

/**
 * Rewrites SET as SET LOCAL, and removes the timeouts and the isolation level that Trueup sets itself. SET ROLE and
 * RESET ALL stay, because a person has to decide about them.
 */
export function localizeSettings(file: string, sql: string): RewrittenSql {
  const changes = (parseStatements(file, sql) ?? []).flatMap((each) => {
    const local = toLocalSetting(each);
    return local === undefined ? [] : [{ ...each, local }];
  });
  const [dropped, kept] = [
    changes.filter(({ local }) => local === null),
    changes.filter(({ local }) => local),
  ];
  const text = [...kept]
    .reverse()
    .reduce((rest, { start, end, local }) => rest.slice(0, start) + local + rest.slice(end), sql);
  // The replacements above moved the positions, so the statements to remove are looked up again.
  const rest =
    dropped.length === 0
      ? text
      : removeStatements(
          text,
          (parseStatements(file, text) ?? []).filter((each) => toLocalSetting(each) === null),
        ).sql;
  return { sql: rest, lines: changes.map(({ start }) => findLine(sql, start)) };
}

/** Returns the statement as SET LOCAL; `null` if it has to be removed, `undefined` if it stays unchanged. */
function toLocalSetting({ node, sql }: ParsedStatement): string | null | undefined {
  const set = unwrapNode(node, 'VariableSetStmt');
  const name = set?.name?.toLowerCase();
  if (!set || name === undefined) return undefined;
  if (isIsolation(set)) return null;
  if (/^(role|session_authorization|transaction.*|session characteristics)$/.test(name)) return undefined;
  if (ENGINE_SETTINGS[name] !== undefined) return null;
  if (set.kind === 'VAR_RESET') return `SET LOCAL ${quoteSetting(name)} TO DEFAULT`;
  if (set.is_local) return undefined;
  const word = /^SET\s+(SESSION\s+)?/i.exec(sql)?.[0];
  return word === undefined ? undefined : `SET LOCAL ${sql.slice(word.length)}`;
}

const isIsolation = ({ name, args }: VariableSetStmt): boolean =>
  name === 'TRANSACTION' &&
  unwrapNodes(args, 'DefElem').every(({ defname }) => defname === 'transaction_isolation');

const quoteSetting = (name: string): string => formatSqlName(name.split('.'));

/** Removes statements that change the tool's own ledger, since a new Trueup database does not have it. */
export function removeLedgerStatements(
  file: string,
  sql: string,
  { schema, name }: { readonly schema: string; readonly name: string },
): RewrittenSql {
  if (!sql.includes(name)) return { sql, lines: [] };
  const isLedger = (relation: RangeVar | undefined): boolean =>
    relation?.relname === name && (relation.schemaname ?? schema) === schema;
  return removeStatements(
    sql,
    (parseStatements(file, sql) ?? []).filter(({ node }) => listTargetRelations(node).some(isLedger)),
  );
}

export interface RewrittenSql {
  readonly sql: string;
  /** Line numbers of the statements that were removed or rewritten. */
  readonly lines: readonly number[];
}

function removeStatements(sql: string, statements: readonly ParsedStatement[]): RewrittenSql {
  const rest = [...statements]
    .sort((a, b) => b.start - a.start)
    .reduce((text, { start, end }) => text.slice(0, start) + text.slice(end).replace(/^\s*;/, ''), sql);
  return {
    sql: statements.length === 0 ? sql : rest.trim(),
    lines: statements.map(({ start }) => findLine(sql, start)),
  };
}

/** Returns the relation that a statement changes, if it changes only one. */
function listTargetRelations(node: Node): readonly (RangeVar | undefined)[] {
  const grant = unwrapNode(node, 'GrantStmt');
  const granted =
    grant?.targtype === 'ACL_TARGET_OBJECT' && grant.objtype === 'OBJECT_TABLE' ? grant.objects : [];
  const [only, ...others] = [
    ...unwrapNodes(granted, 'RangeVar'),
    ...unwrapNodes(unwrapNode(node, 'TruncateStmt')?.relations, 'RangeVar'),
  ];
  return [
    unwrapNode(node, 'AlterTableStmt')?.relation,
    unwrapNode(node, 'InsertStmt')?.relation,
    unwrapNode(node, 'UpdateStmt')?.relation,
    unwrapNode(node, 'DeleteStmt')?.relation,
    unwrapNode(node, 'CreatePolicyStmt')?.table,
    unwrapNode(node, 'IndexStmt')?.relation,
    unwrapNode(node, 'CreateTrigStmt')?.relation,
    ...(others.length === 0 ? [only] : []),
  ];
}
