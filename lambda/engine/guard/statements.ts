/** What the guard has the server do, as text. Pure; the functions are in ../sql/guard.ts. */

import type { ConvergeRequest, Outcome } from '../../contract/converge';
import { type Manifest, type Migration, type Statement, sha256 } from '../../contract/manifest';
import type { WorkloadPromise } from '../../contract/workload';
import { longText } from '../../postgres/long-text';
import { quoteIdentifier, quoteLiteral, quoteTextArray } from '../../sql/quote';
import type { Names } from '../apply/names';
import type { Ledger } from '../ledger/ledger';
import { schemasOf, searchPathOf } from '../schemas';

/** Forward, and something is to be applied: the promises of an application are at stake. */
export const guards = (request: ConvergeRequest): boolean =>
  request.direction !== 'rollback' && !request.remove && !request.baselineOnly;

/**
 * Hash of what the manifest's application promises in this place; null: nothing. A tenant in a schema of its own has names
 * of statements mean what those of migrations do, whosever they were when they were recorded. So the same statements under
 * another path are another promise: they may mean other tables.
 */
export function promiseHash({ workload }: Manifest, schemas: readonly string[] | null): string | null {
  if (workload === undefined) return null;
  return schemas === null ? workload.hash : sha256(`${workload.hash} ${searchPathOf(schemas)}`);
}

/** The texts of the manifest's promise, where the ledger does not hold them. Each travels once. */
export function keepPromise(ledger: Ledger, request: ConvergeRequest, manifest: Manifest): string[] {
  const schemas = schemasOf(ledger, request);
  const hash = promiseHash(manifest, schemas);
  if (hash === null || request.baselineOnly || request.remove) return [];
  if (hash === ledger.promise || hash === ledger.nextPromise) return [];
  const { statements } = manifest.workload!;
  const searchPath = schemas && searchPathOf(schemas);
  const placed = searchPath === null ? statements : statements.map((each) => ({ ...each, searchPath }));
  return storePromise(request.namespace, { hash, statements: placed });
}

function storePromise(namespace: string, { hash, statements }: WorkloadPromise): string[] {
  const text = longText(JSON.stringify(statements));
  const [of, named] = [namespace, hash].map(quoteLiteral);
  return [
    ...text.statements,
    `SELECT trueup._keep_promise(${of}, ${named}, ${text.expression}::pg_catalog.jsonb)`,
  ];
}

/** On a server of one's own: as if a deployment with this workload had succeeded, whether or not it plans. */
export const declareRunning = (namespace: string, promise: WorkloadPromise): string[] => [
  ...storePromise(namespace, promise),
  `SELECT trueup._set_promise(${quoteLiteral(namespace)}, ${quoteLiteral(promise.hash)})`,
];

/**
 * With the outcome that says that the manifest's application is the running one: of a deployment that succeeded, or of a
 * rollback, which brings an older one back. A person who runs migrations by hand deploys no application, unless its
 * workload is given.
 */
export function setPromise(ledger: Ledger, request: ConvergeRequest, manifest: Manifest): string[] {
  if (!changesPromise(ledger, request, manifest)) return [];
  const next = nextPromise(ledger, request, manifest);
  return [`SELECT trueup._set_promise(${quoteLiteral(request.namespace)}, ${quoteLiteral(next)})`];
}

/** Whether success makes another promise the running one. */
export function changesPromise(ledger: Ledger, request: ConvergeRequest, manifest: Manifest): boolean {
  if (request.baselineOnly || (request.owner === null && manifest.workload === undefined)) return false;
  return nextPromise(ledger, request, manifest) !== (ledger.promise ?? null) || ledger.nextPromise != null;
}

const nextPromise = (ledger: Ledger, request: ConvergeRequest, manifest: Manifest): string | null =>
  request.remove ? null : promiseHash(manifest, schemasOf(ledger, request));

/**
 * What planning said is needed until the end of the deployment, and no longer. A deployment of a stack that failed is rolled
 * back: what it broke with consent is there again.
 */
export const forgetAnswers = ({ namespace, owner }: ConvergeRequest, status: Outcome['status']): string =>
  `SELECT trueup._forget_answers(${quoteLiteral(namespace)}, ${status === 'done' || owner === null})`;

/** What the database ran until now; what it runs from here on is told apart from it. */
export const countLive = ({ ownerRole }: Pick<ConvergeRequest, 'ownerRole'>): string =>
  `SELECT trueup._record_live(${quoteTextArray(ownerRole == null ? [] : [ownerRole])})`;

export interface GuardOptions {
  /** For so long its locks may be held, where it has any that writers queue behind; milliseconds. */
  readonly holdMs?: number | null;
  /** It is done and cannot be taken back: what it broke is written down. @default false */
  readonly outside?: boolean;
}

/** In the migration's transaction, before its row is written. */
export const guardStatement = (
  migration: Migration,
  { namespace, deployment }: Names,
  { holdMs = null, outside = false }: GuardOptions = {},
): string => {
  const consent = migration.breaks !== undefined;
  const asked = { namespace, deployment, migration: migration.name, holdMs, consent, outside };
  return `SELECT trueup._guard(${quoteLiteral(JSON.stringify(asked))})`;
};

/** Before an index is dropped outside a transaction; nothing where it is not that, or what it breaks has consent. */
export function guardDrop(migration: Migration, { target }: Statement, names: Names): string[] {
  if (target?.kind !== 'index' || target.action !== 'drop' || target.name === null || migration.breaks)
    return [];
  const { namespace, deployment, ownerRole } = names;
  const name = [target.schema, target.name].filter((part) => part !== null).map(quoteIdentifier);
  const asked = { namespace, deployment };
  const oid = `pg_catalog.to_regclass(${quoteLiteral(name.join('.'))})::pg_catalog.oid::pg_catalog.text`;
  return [
    ...(ownerRole === null ? [] : [`SET LOCAL ROLE ${quoteIdentifier(ownerRole)}`]),
    `SELECT pg_catalog.set_config('trueup.dropping', coalesce(${oid}, ''), true)`,
    ...(ownerRole === null ? [] : ['RESET ROLE']),
    `SELECT trueup._guard_drop(${quoteLiteral(JSON.stringify(asked))})`,
  ];
}
