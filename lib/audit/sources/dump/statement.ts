/** Decides about each statement of a dump: load it, skip it without loss, or skip it and report it. Pure. */
import type { Node } from 'libpg-query';
import { getKindAndBody, listNameParts, unwrapNode } from '../../../compiler/read/tree';
import { describeStatement } from './label';

export interface LoadDecision {
  /**
   * Decision about the statement.
   * - `load`: run it
   * - `outside`: run it outside a transaction
   * - `try`: run it and ignore errors, since it drops something that may not exist
   * - `extension`: create the extension
   * - `nothing`: skip it without loss
   * - `skip`: skip it and report it
   */
  readonly does: 'load' | 'outside' | 'try' | 'extension' | 'nothing' | 'skip';
  /** Label for reports, such as `table public.orders`. */
  readonly what: string;
  /** Why the statement is skipped and reported. */
  readonly why?: string;
}

const SKIP_SILENTLY: LoadDecision = { does: 'nothing', what: '' };
const CHANGES_ROWS_REASON = 'it reads or changes rows, and the dump is loaded without rows';

/** Settings that affect the meaning of the statements after them. All others only affect how a restore runs. */
const KEPT_SETTINGS =
  /^(search_path|check_function_bodies|default_table_access_method|xmloption|row_security)$/;

/** Statements that are never run because they reach outside the database. */
const FORBIDDEN_STATEMENTS: Readonly<Record<string, string>> = {
  CreateSubscriptionStmt: 'subscription',
  AlterSubscriptionStmt: 'subscription',
  ImportForeignSchemaStmt: 'import of a foreign schema',
  CreateUserMappingStmt: 'user mapping',
  AlterSystemStmt: 'setting of the server',
  LoadStmt: 'library',
  CreateTableSpaceStmt: 'tablespace',
};

/**
 * Statements that are skipped without loss: transactions and maintenance, roles and owners, and those about the
 * database that the dump is restored to.
 */
const IGNORED_STATEMENTS = new Set([
  'TransactionStmt',
  'AlterOwnerStmt',
  'CreatedbStmt',
  'DropdbStmt',
  'AlterDatabaseStmt',
  'CreateRoleStmt',
  'AlterRoleStmt',
  'GrantRoleStmt',
  'DropRoleStmt',
  'VacuumStmt',
  'AnalyzeStmt',
  'CheckPointStmt',
  'DiscardStmt',
  'LockStmt',
]);

const ROW_STATEMENTS = new Set([
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'TruncateStmt',
  'CallStmt',
  'CopyStmt',
]);

export function decideLoading(node: Node): LoadDecision {
  const [kind] = getKindAndBody(node);
  const what = describeStatement(node);
  if (IGNORED_STATEMENTS.has(kind)) return SKIP_SILENTLY;
  const out = FORBIDDEN_STATEMENTS[kind];
  if (out !== undefined)
    return { does: 'skip', what, why: `a ${out} reaches outside the database and is never created` };
  if (ROW_STATEMENTS.has(kind)) return { does: 'skip', what, why: CHANGES_ROWS_REASON };
  if (unwrapNode(node, 'SelectStmt')) return decideSelect(node, what);
  const set = unwrapNode(node, 'VariableSetStmt');
  if (set) return KEPT_SETTINGS.test(set.name ?? '') ? { does: 'load', what } : SKIP_SILENTLY;
  if (unwrapNode(node, 'CreateExtensionStmt')) return { does: 'extension', what };
  // Owners are not compared.
  const alters = unwrapNode(node, 'AlterTableStmt')?.cmds ?? [];
  if (
    alters.length > 0 &&
    alters.every((each) => unwrapNode(each, 'AlterTableCmd')?.subtype === 'AT_ChangeOwner')
  )
    return SKIP_SILENTLY;
  const drops = (each: Node): boolean => /^AT_Drop/.test(unwrapNode(each, 'AlterTableCmd')?.subtype ?? '');
  if (unwrapNode(node, 'DropStmt') || (alters.length > 0 && alters.every(drops)))
    return { does: 'try', what };
  const object = unwrapNode(node, 'CommentStmt')?.objtype ?? unwrapNode(node, 'SecLabelStmt')?.objtype;
  if (object === 'OBJECT_EXTENSION' || object === 'OBJECT_DATABASE') return SKIP_SILENTLY;
  if (unwrapNode(node, 'IndexStmt')?.concurrent || unwrapNode(node, 'ReindexStmt'))
    return { does: 'outside', what };
  return { does: 'load', what };
}

/** Loads session settings and sequence positions; every other SELECT is about rows. */
function decideSelect(node: Node, what: string): LoadDecision {
  const [target, ...others] = unwrapNode(node, 'SelectStmt')?.targetList ?? [];
  const call = unwrapNode(unwrapNode(target, 'ResTarget')?.val, 'FuncCall');
  const name = listNameParts(call?.funcname ?? []).at(-1) ?? '';
  const plain =
    others.length === 0 &&
    (call?.args ?? []).every((each) => unwrapNode(each, 'A_Const') || unwrapNode(each, 'TypeCast'));
  const [first] = call?.args ?? [];
  const setting = unwrapNode(first, 'A_Const')?.sval?.sval ?? '';
  if (plain && name === 'setval') return { does: 'load', what: 'position of a sequence' };
  if (plain && name === 'set_config')
    return KEPT_SETTINGS.test(setting) ? { does: 'load', what } : SKIP_SILENTLY;
  if (/^lo(_|import|export)/.test(name))
    return { does: 'skip', what: 'large object', why: CHANGES_ROWS_REASON };
  return { does: 'skip', what, why: CHANGES_ROWS_REASON };
}

/** Returns the roles that the statement names. They must exist for it to load. */
export function listStatementRoles(node: Node): readonly string[] {
  const names = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { roletype, rolename } = value as { roletype?: string; rolename?: string };
    if (roletype === 'ROLESPEC_CSTRING' && rolename !== undefined) names.add(rolename);
    Object.values(value).forEach(look);
  };
  look(node);
  return [...names];
}

export interface RequiredExtension {
  readonly name: string;
  /**
   * Schema of the extension.
   * @default - the first schema of the search path
   */
  readonly schema?: string;
}

export function readRequiredExtension(node: Node): RequiredExtension {
  const { extname = '', options } = unwrapNode(node, 'CreateExtensionStmt') ?? {};
  const schema = (options ?? [])
    .flatMap((each) => unwrapNode(each, 'DefElem') ?? [])
    .find(({ defname }) => defname === 'schema');
  const name = unwrapNode(schema?.arg, 'String')?.sval;
  return { name: extname, ...(name === undefined ? {} : { schema: name }) };
}

export interface ObjectOwner {
  readonly owner: string;
  /** Schema and name of the object, or only its name. */
  readonly of: readonly string[];
}

/**
 * Returns the owner that ALTER … OWNER TO sets. The statement is not run, because owners are not compared; but
 * privileges that an owner grants to itself must not count as grants.
 */
export function readOwner(node: Node): ObjectOwner | null {
  const alter = unwrapNode(node, 'AlterOwnerStmt');
  const table = unwrapNode(node, 'AlterTableStmt');
  const { newowner } = alter ?? unwrapNode(table?.cmds?.[0], 'AlterTableCmd') ?? {};
  if (newowner?.rolename === undefined) return null;
  const { schemaname, relname = '' } = alter?.relation ?? table?.relation ?? {};
  const { object } = alter ?? {};
  const names =
    relname === '' ? listNameParts(unwrapNode(object, 'ObjectWithArgs')?.objname ?? object) : [relname];
  return { owner: newowner.rolename, of: schemaname ? [schemaname, ...names] : names };
}
