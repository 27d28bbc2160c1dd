/** What becomes of a statement of a dump: it is loaded, left out without loss, or left out and said. Pure. */
import type { Node } from 'libpg-query';
import { as, kindOf, words } from '../../../compiler/read/tree';
import { labelOf } from './label';

export interface Decision {
  /** `outside` a transaction; `try`: it takes away what may not be there; `nothing`, and nothing is lost. */
  readonly does: 'load' | 'outside' | 'try' | 'extension' | 'nothing' | 'not seen';
  /** For people: `table public.orders`. */
  readonly what: string;
  /** Of what is not seen. */
  readonly why?: string;
}

const NOTHING: Decision = { does: 'nothing', what: '' };
const CHANGES_ROWS = 'it reads or changes rows, and a dump is loaded without any';

/** Settings that say what the statements after them mean; the rest is how a restore behaves. */
const SETTINGS = /^(search_path|check_function_bodies|default_table_access_method|xmloption|row_security)$/;

/** What no statement of a dump may do here, however it is asked for. */
const REACHES_OUT: Readonly<Record<string, string>> = {
  CreateSubscriptionStmt: 'subscription',
  AlterSubscriptionStmt: 'subscription',
  ImportForeignSchemaStmt: 'import of a foreign schema',
  CreateUserMappingStmt: 'user mapping',
  AlterSystemStmt: 'setting of the server',
  LoadStmt: 'library',
  CreateTableSpaceStmt: 'tablespace',
};

/** Rows, and what is said to a session or about the database that the dump is loaded to. */
const WITHOUT_LOSS = new Set([
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

const CHANGES = new Set([
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'TruncateStmt',
  'CallStmt',
  'CopyStmt',
]);

export function decide(node: Node): Decision {
  const [kind] = kindOf(node);
  const what = labelOf(node);
  if (WITHOUT_LOSS.has(kind)) return NOTHING;
  const out = REACHES_OUT[kind];
  if (out !== undefined)
    return { does: 'not seen', what, why: `a ${out} reaches out of the database, and is never made` };
  if (CHANGES.has(kind)) return { does: 'not seen', what, why: CHANGES_ROWS };
  if (as(node, 'SelectStmt')) return ofSelect(node, what);
  const set = as(node, 'VariableSetStmt');
  if (set) return SETTINGS.test(set.name ?? '') ? { does: 'load', what } : NOTHING;
  if (as(node, 'CreateExtensionStmt')) return { does: 'extension', what };
  // Owners are not compared.
  const alters = as(node, 'AlterTableStmt')?.cmds ?? [];
  if (alters.length > 0 && alters.every((each) => as(each, 'AlterTableCmd')?.subtype === 'AT_ChangeOwner'))
    return NOTHING;
  const drops = (each: Node): boolean => /^AT_Drop/.test(as(each, 'AlterTableCmd')?.subtype ?? '');
  if (as(node, 'DropStmt') || (alters.length > 0 && alters.every(drops))) return { does: 'try', what };
  const object = as(node, 'CommentStmt')?.objtype ?? as(node, 'SecLabelStmt')?.objtype;
  if (object === 'OBJECT_EXTENSION' || object === 'OBJECT_DATABASE') return NOTHING;
  if (as(node, 'IndexStmt')?.concurrent || as(node, 'ReindexStmt')) return { does: 'outside', what };
  return { does: 'load', what };
}

/** Settings of the session and positions of sequences; everything else is about rows. */
function ofSelect(node: Node, what: string): Decision {
  const [target, ...others] = as(node, 'SelectStmt')?.targetList ?? [];
  const call = as(as(target, 'ResTarget')?.val, 'FuncCall');
  const name = words(call?.funcname ?? []).at(-1) ?? '';
  const plain =
    others.length === 0 && (call?.args ?? []).every((each) => as(each, 'A_Const') || as(each, 'TypeCast'));
  const [first] = call?.args ?? [];
  const setting = as(first, 'A_Const')?.sval?.sval ?? '';
  if (plain && name === 'setval') return { does: 'load', what: 'position of a sequence' };
  if (plain && name === 'set_config') return SETTINGS.test(setting) ? { does: 'load', what } : NOTHING;
  if (/^lo(_|import|export)/.test(name)) return { does: 'not seen', what: 'large object', why: CHANGES_ROWS };
  return { does: 'not seen', what, why: CHANGES_ROWS };
}

/** Roles that the statement names; they must be there for it to load. */
export function rolesIn(node: Node): readonly string[] {
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

export interface ExtensionWanted {
  readonly name: string;
  /** @default - the first of the search path */
  readonly schema?: string;
}

export function extensionOf(node: Node): ExtensionWanted {
  const { extname = '', options } = as(node, 'CreateExtensionStmt') ?? {};
  const schema = (options ?? [])
    .flatMap((each) => as(each, 'DefElem') ?? [])
    .find(({ defname }) => defname === 'schema');
  const name = as(schema?.arg, 'String')?.sval;
  return { name: extname, ...(name === undefined ? {} : { schema: name }) };
}

/** Where the statement's rows go; null where it is none that pg_dump writes. */
export function tableOf(
  node: Node,
): { readonly schema?: string; readonly name: string; readonly csv: boolean } | null {
  const copy = as(node, 'CopyStmt');
  const relation = copy?.relation ?? as(node, 'InsertStmt')?.relation;
  if (relation?.relname === undefined) return null;
  const format = (copy?.options ?? [])
    .flatMap((each) => as(each, 'DefElem') ?? [])
    .find(({ defname }) => defname === 'format');
  return {
    name: relation.relname,
    ...(relation.schemaname ? { schema: relation.schemaname } : {}),
    csv: (as(format?.arg, 'String')?.sval ?? 'text') !== 'text',
  };
}

export interface Owner {
  readonly owner: string;
  /** Schema and name, or the name alone. */
  readonly of: readonly string[];
}

/** ALTER … OWNER TO: it is not run, since owners are not compared; but what an owner grants itself is no privilege. */
export function ownerIn(node: Node): Owner | null {
  const alter = as(node, 'AlterOwnerStmt');
  const table = as(node, 'AlterTableStmt');
  const { newowner } = alter ?? as(table?.cmds?.[0], 'AlterTableCmd') ?? {};
  if (newowner?.rolename === undefined) return null;
  const { schemaname, relname = '' } = alter?.relation ?? table?.relation ?? {};
  const { object } = alter ?? {};
  const names = relname === '' ? words(as(object, 'ObjectWithArgs')?.objname ?? object) : [relname];
  return { owner: newowner.rolename, of: schemaname ? [schemaname, ...names] : names };
}
