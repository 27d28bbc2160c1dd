/** What a query or a data change touches: relations with their locks, functions, and a few things that checks ask for. */
import type { RangeVar } from 'libpg-query';
import { keepStrongest, type LockMode } from '../../../lambda/contract/locks';
import { relationOf } from '../read/tree';

export interface FunctionCall {
  /** Last word is the function, the one before it the schema. */
  readonly name: readonly string[];
  /** Byte offset. */
  readonly at: number;
  readonly args: readonly unknown[];
}

export interface Inspection {
  /** The strongest lock on each relation. */
  readonly locks: ReadonlyMap<string, LockMode>;
  readonly calls: readonly FunctionCall[];
  /** Relations that rows are deleted from, with the statement's word. */
  readonly deletes: readonly { readonly relation: string; readonly command: string }[];
  /** What is done to the rows of which relation: several events of one statement each by itself. */
  readonly changes: readonly { readonly relation: string; readonly event: 'INSERT' | 'UPDATE' | 'DELETE' }[];
  /** First INSERT, UPDATE, DELETE or MERGE below the outermost statement. */
  readonly dataChange: boolean;
  /** The first `$n`, and its byte offset. */
  readonly parameter: { readonly number: number; readonly at: number } | undefined;
  readonly into: boolean;
  readonly locksRows: boolean;
  readonly hasLimit: boolean;
}

type Fields = Record<string, unknown>;
/** Names of CTEs that may stand for a relation. */
type Scope = { has(name: string): boolean };
const NO_CTE: Scope = new Set<string>();
interface Visit {
  readonly value: unknown;
  readonly scope: Scope;
  /** Lock on the relations directly below. */
  readonly mode: LockMode;
  /** Name of the field or node kind that it was found under. */
  readonly key: string;
}

const CHANGES: Readonly<Record<string, string>> = {
  InsertStmt: 'INSERT',
  UpdateStmt: 'UPDATE',
  DeleteStmt: 'DELETE',
  MergeStmt: 'MERGE',
};

/** What rules, checks and the schema model ask of one tree is found in one walk. */
export function inspect(root: object): Inspection {
  // A node is its one kind and the fields of that, which some have without the kind around them.
  const [inner, ...others] = Object.values(root) as unknown[];
  const key = others.length === 0 && typeof inner === 'object' && inner !== null ? inner : root;
  const known = inspections.get(key) ?? walk(root);
  inspections.set(key, known);
  return known;
}

const inspections = new WeakMap<object, Inspection>();

/** Without recursion: expressions may be nested as deeply as the parser takes them. */
function walk(root: object): Inspection {
  const found = {
    locks: new Map<string, LockMode>(),
    calls: [] as FunctionCall[],
    deletes: [] as { relation: string; command: string }[],
    changes: [] as { relation: string; event: Event }[],
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
      if (relation.schemaname || !scope.has(relation.relname!))
        keepStrongest(found.locks, relationOf(relation), visit.mode);
      continue;
    }
    if (key === 'FuncCall') found.calls.push(callOf(fields));
    if (key === 'ParamRef')
      found.parameter ??= { number: (fields.number as number) ?? 0, at: (fields.location as number) ?? 0 };
    if (fields.limitCount) found.hasLimit = true;
    if (fields.intoClause) found.into = true;
    if (Array.isArray(fields.lockingClause)) found.locksRows = true;
    const change = CHANGES[key];
    if (change) {
      found.dataChange = true;
      const relation = relationOf(fields.relation as RangeVar);
      const events = eventsOf(key, fields);
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
    // The target of a data change is never a CTE, even where one has its name.
    stack.push(target ? { value, scope: NO_CTE, mode: 'ROW EXCLUSIVE', key } : { value, scope, mode, key });
  }
}

/** A CTE sees those before it; all of them, itself included, WITH RECURSIVE. */
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

type Event = Inspection['changes'][number]['event'];

function eventsOf(key: string, fields: Fields): Event[] {
  const clauses = (fields.mergeWhenClauses ?? []) as { MergeWhenClause?: { commandType?: string } }[];
  const does = (event: Event): boolean =>
    CHANGES[key] === event ||
    (event === 'UPDATE' && fields.onConflictClause !== undefined) ||
    clauses.some((clause) => clause.MergeWhenClause?.commandType === `CMD_${event}`);
  return (['INSERT', 'UPDATE', 'DELETE'] as const).filter(does);
}

const callOf = (fields: Fields): FunctionCall => ({
  name: (fields.funcname as { String?: { sval?: string } }[]).map((word) => word.String?.sval ?? ''),
  at: (fields.location as number) ?? 0,
  args: (fields.args as unknown[]) ?? [],
});
