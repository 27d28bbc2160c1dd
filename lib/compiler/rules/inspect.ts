/** Collects what a query or data change uses: relations with their locks, functions, and a few facts for the checks. */
import type { RangeVar } from 'libpg-query';
import { keepStrongest, type LockMode } from '../../../lambda/contract/locks';
import { formatRelation } from '../read/tree';

export interface FunctionCall {
  /** The last part is the function, the one before it the schema. */
  readonly name: readonly string[];
  /** Byte offset of the call. */
  readonly at: number;
  readonly args: readonly unknown[];
}

export interface Inspection {
  /** The strongest lock on each relation. */
  readonly locks: ReadonlyMap<string, LockMode>;
  readonly calls: readonly FunctionCall[];
  /** Relations as the tree names them, without CTEs. */
  readonly relations: readonly { readonly schema: string | null; readonly name: string }[];
  readonly columns: ReadonlySet<string>;
  /** Relations from which rows are deleted, with the name of the command. */
  readonly deletes: readonly { readonly relation: string; readonly command: string }[];
  /** Changes to rows by relation. Several events of one statement are listed separately. */
  readonly changes: readonly { readonly relation: string; readonly event: 'INSERT' | 'UPDATE' | 'DELETE' }[];
  /** Whether there is an INSERT, UPDATE, DELETE or MERGE. */
  readonly dataChange: boolean;
  /** The number of the first `$n`, and its byte offset. */
  readonly parameter: { readonly number: number; readonly at: number } | undefined;
  readonly into: boolean;
  readonly locksRows: boolean;
  readonly hasLimit: boolean;
}

type Fields = Record<string, unknown>;
/** The CTEs that a name may refer to. */
type Scope = { has(name: string): boolean };
const NO_CTE: Scope = new Set<string>();
interface Visit {
  readonly value: unknown;
  readonly scope: Scope;
  /** Lock on the relations directly below this node. */
  readonly mode: LockMode;
  /** Name of the field or node kind above this node. */
  readonly key: string;
}

const CHANGE_COMMANDS: Readonly<Record<string, string>> = {
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
};

/** Collects in one walk what rules, checks and the schema model need to know of a tree. */
export function inspectTree(root: object): Inspection {
  // A node is an object with one key, its kind, around its fields. Some nodes come without their kind.
  const [inner, ...others] = Object.values(root) as unknown[];
  const key = others.length === 0 && typeof inner === 'object' && inner !== null ? inner : root;
  const known = inspections.get(key) ?? walkTree(root);
  inspections.set(key, known);
  return known;
}

const inspections = new WeakMap<object, Inspection>();

/** Walks the tree without recursion, because expressions may be as deeply nested as the parser accepts. */
function walkTree(root: object): Inspection {
  const found = {
    locks: new Map<string, LockMode>(),
    calls: [] as FunctionCall[],
    relations: [] as { schema: string | null; name: string }[],
    columns: new Set<string>(),
    deletes: [] as { relation: string; command: string }[],
    changes: [] as { relation: string; event: ChangeEvent }[],
    dataChange: false,
    parameter: undefined as Inspection['parameter'],
    into: false,
    locksRows: false,
    hasLimit: false,
  };
  const stack: Visit[] = [{ value: root, scope: NO_CTE, mode: 'ACCESS SHARE', key: '' }];
  for (let visit = stack.pop(); visit; visit = stack.pop()) {
    const { value, scope, key } = visit;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) {
      for (const item of value) stack.push({ ...visit, value: item });
      continue;
    }
    const fields = value as Fields;
    if (typeof fields.relname === 'string') {
      const relation = fields as RangeVar;
      if (relation.schemaname || !scope.has(relation.relname!)) {
        keepStrongest(found.locks, formatRelation(relation), visit.mode);
        found.relations.push({ schema: relation.schemaname ?? null, name: relation.relname! });
      }
      continue;
    }
    if (key === 'FuncCall') found.calls.push(toFunctionCall(fields));
    if (key === 'ColumnRef') {
      const name = readLastName(fields.fields);
      if (name !== undefined) found.columns.add(name);
    }
    if (key === 'ParamRef')
      found.parameter ??= { number: (fields.number as number) ?? 0, at: (fields.location as number) ?? 0 };
    if (fields.limitCount) found.hasLimit = true;
    if (fields.intoClause) found.into = true;
    if (Array.isArray(fields.lockingClause)) found.locksRows = true;
    const change = CHANGE_COMMANDS[key];
    if (change) {
      found.dataChange = true;
      const relation = formatRelation(fields.relation as RangeVar);
      const events = listChangeEvents(key, fields);
      found.changes.push(...events.map((event) => ({ relation, event })));
      if (events.includes('DELETE')) found.deletes.push({ relation, command: change });
    }
    pushFields(stack, visit, fields, scope, change !== undefined);
  }
  return found;
}

function pushFields(stack: Visit[], visit: Visit, fields: Fields, outer: Scope, changes: boolean): void {
  const withClause = fields.withClause as { ctes?: Fields[]; recursive?: boolean } | undefined;
  const scope = withClause ? pushCtes(stack, withClause, outer) : outer;
  const mode: LockMode = Array.isArray(fields.lockingClause)
    ? 'ROW SHARE'
    : visit.key === 'SelectStmt' || changes
      ? 'ACCESS SHARE'
      : visit.mode;
  for (const [key, value] of Object.entries(fields)) {
    if (key === 'withClause' || typeof value !== 'object') continue;
    if (key === 'intoClause' || (key === 'into' && visit.key === 'CreateTableAsStmt')) continue;
    const target = changes && key === 'relation';
    // The target of a data change is never a CTE, even if one has its name.
    stack.push(target ? { value, scope: NO_CTE, mode: 'ROW EXCLUSIVE', key } : { value, scope, mode, key });
  }
}

/** Returns the scope of a WITH clause. A CTE sees the CTEs before it; WITH RECURSIVE it sees all, including itself. */
function pushCtes(stack: Visit[], clause: { ctes?: Fields[]; recursive?: boolean }, outer: Scope): Scope {
  const ctes = (clause.ctes ?? []).map((node) => node.CommonTableExpr as Fields);
  const places = new Map(ctes.map((cte, i) => [cte.ctename as string, i]));
  const before = (end: number): Scope => ({
    has: (name) => (places.get(name) ?? end) < end || outer.has(name),
  });
  const every = before(ctes.length);
  ctes.forEach((cte, i) => {
    const scope = clause.recursive ? every : before(i);
    stack.push({ value: cte.ctequery, scope, mode: 'ACCESS SHARE', key: 'ctequery' });
  });
  return every;
}

type ChangeEvent = Inspection['changes'][number]['event'];

function listChangeEvents(key: string, fields: Fields): ChangeEvent[] {
  const clauses = (fields.mergeWhenClauses ?? []) as { MergeWhenClause?: { commandType?: string } }[];
  const does = (event: ChangeEvent): boolean =>
    CHANGE_COMMANDS[key] === event ||
    (event === 'UPDATE' && fields.onConflictClause !== undefined) ||
    clauses.some((clause) => clause.MergeWhenClause?.commandType === `CMD_${event}`);
  return (['INSERT', 'UPDATE', 'DELETE'] as const).filter(does);
}

const readLastName = (list: unknown): string | undefined =>
  (list as { String?: { sval?: string } }[] | undefined)?.at(-1)?.String?.sval;

const toFunctionCall = (fields: Fields): FunctionCall => ({
  name: (fields.funcname as { String?: { sval?: string } }[]).map((word) => word.String?.sval ?? ''),
  at: (fields.location as number) ?? 0,
  args: (fields.args as unknown[]) ?? [],
});
