/** Builds the SQL of the guard. Pure; the functions that it calls are in ../sql/guard.ts. */

import type { ConvergeOutcome, ConvergeRequest } from '../../contract/converge';
import { type Manifest, type Migration, type Statement, sha256 } from '../../contract/manifest';
import type { GuaranteedWorkload } from '../../contract/workload';
import { buildLongText } from '../../postgres/long-text';
import { quoteIdentifier, quoteLiteral, quoteTextArray } from '../../sql/quote';
import { collectTouchedObjects } from '../../workload/touched-objects';
import type { RunNames } from '../apply/run-names';
import type { Ledger } from '../ledger/ledger';
import { GUARD_VERSION } from '../ledger/schema';
import { formatSearchPath, resolveSchemas } from '../search-path';

/** Whether the request applies migrations forward, and so could break the guaranteed workload. */
export const isGuarded = (request: ConvergeRequest): boolean =>
  request.direction !== 'rollback' && !request.remove && !request.baselineOnly;

/**
 * Returns the hash of the manifest's guaranteed workload; `null` if it carries none. For a tenant in its own schema,
 * names in statements are looked up as in migrations, whatever search path was recorded with them. The same
 * statements under another search path may mean other tables, so the hash includes the path.
 */
export function computeWorkloadHash(
  { workload }: Manifest,
  schemas: readonly string[] | null,
): string | null {
  if (workload === undefined) return null;
  return schemas === null ? workload.hash : sha256(`${workload.hash} ${formatSearchPath(schemas)}`);
}

/**
 * Returns the statements that store the manifest's guaranteed workload if the ledger does not have it yet. Each is
 * sent once.
 */
export function buildKeepWorkloadSql(ledger: Ledger, request: ConvergeRequest, manifest: Manifest): string[] {
  const schemas = resolveSchemas(ledger, request);
  const hash = computeWorkloadHash(manifest, schemas);
  if (hash === null || request.baselineOnly || request.remove) return [];
  if (hash === ledger.runningWorkload || hash === ledger.nextWorkload) return [];
  const { statements } = manifest.workload!;
  const searchPath = schemas && formatSearchPath(schemas);
  const placed = searchPath === null ? statements : statements.map((each) => ({ ...each, searchPath }));
  return buildStoreWorkloadSql(request.namespace, { hash, statements: placed });
}

function buildStoreWorkloadSql(namespace: string, { hash, statements }: GuaranteedWorkload): string[] {
  const text = buildLongText(JSON.stringify(statements));
  const [of, named] = [namespace, hash].map(quoteLiteral);
  return [
    ...text.statements,
    `SELECT trueup._store_workload(${of}, ${named}, ${text.expression}::pg_catalog.jsonb)`,
  ];
}

/**
 * Declares a workload as that of the running application, whether or not it plans. It acts like a successful
 * deployment, for a scratch server.
 */
export const buildMarkDeployedSql = (namespace: string, workload: GuaranteedWorkload): string[] => [
  ...buildStoreWorkloadSql(namespace, workload),
  `SELECT trueup._set_running_workload(${quoteLiteral(namespace)}, ${quoteLiteral(workload.hash)})`,
];

/**
 * Records, with the outcome, that the manifest's application is now the running one. This holds for a deployment that
 * succeeded, and for a rollback, which restores an older application. A manual run deploys no application, unless its
 * workload is given.
 */
export function buildSetWorkloadSql(ledger: Ledger, request: ConvergeRequest, manifest: Manifest): string[] {
  if (!changesWorkload(ledger, request, manifest)) return [];
  const next = computeNextWorkload(ledger, request, manifest);
  return [
    `SELECT trueup._set_running_workload(${quoteLiteral(request.namespace)}, ${quoteLiteral(next)})`,
    buildSetKeptBySql(request),
  ];
}

const buildSetKeptBySql = ({ namespace }: ConvergeRequest): string =>
  `UPDATE trueup.namespaces SET min_guard_version = ${GUARD_VERSION} WHERE name OPERATOR(pg_catalog.=) ${quoteLiteral(namespace)}::pg_catalog.text`;

/** Whether success would change the guaranteed workload of the running application. */
export function changesWorkload(ledger: Ledger, request: ConvergeRequest, manifest: Manifest): boolean {
  const says = manifest.workload !== undefined || manifest.removesWorkload === true;
  if (request.baselineOnly || (request.owner === null && !says)) return false;
  return (
    computeNextWorkload(ledger, request, manifest) !== (ledger.runningWorkload ?? null) ||
    ledger.nextWorkload != null
  );
}

/**
 * Returns the hash of the guaranteed workload after success. A deployment without a workload must state that it
 * removes the existing one. Code that a rollback restores has the workload that it carries; if it carries none, and
 * the failed deployment never succeeded here, the previous workload still applies.
 */
function computeNextWorkload(ledger: Ledger, request: ConvergeRequest, manifest: Manifest): string | null {
  if (request.remove) return null;
  const own = computeWorkloadHash(manifest, resolveSchemas(ledger, request));
  return own ?? (keepsRunningWorkload(ledger, request, manifest) ? (ledger.runningWorkload ?? null) : null);
}

const keepsRunningWorkload = (ledger: Ledger, request: ConvergeRequest, manifest: Manifest): boolean =>
  (isGuarded(request) ||
    (request.direction === 'rollback' &&
      request.failed?.reportedSuccess === false &&
      !hasReplacedDeployment(ledger, request.failed.manifestHash))) &&
  ledger.runningWorkload != null &&
  manifest.workload === undefined &&
  !manifest.removesWorkload;

/**
 * Whether the failed deployment has already replaced the guaranteed workload of this tenant. A deployment of a fleet
 * may fail as a whole after it succeeded for this tenant; the ledger then holds the workload of code that was rolled
 * back and no longer runs.
 */
const hasReplacedDeployment = ({ newest }: Ledger, failedManifestHash: string): boolean =>
  newest?.outcome === 'done' && newest.manifestHash === failedManifestHash && newest.workload != null;

/**
 * Warns if a stack's deployment carries no workload and keeps that of the previous one, or if a rollback has none to
 * restore.
 */
export function warnOfMissingWorkload(
  ledger: Ledger,
  request: ConvergeRequest,
  manifest: Manifest,
): string[] {
  if (request.owner === null || request.remove || request.baselineOnly) return [];
  if (keepsRunningWorkload(ledger, request, manifest))
    return isGuarded(request) ? [WORKLOAD_STAYS_WARNING] : [];
  return !isGuarded(request) && ledger.runningWorkload != null && manifest.workload === undefined
    ? [NO_WORKLOAD_RESTORED_WARNING]
    : [];
}

const WORKLOAD_STAYS_WARNING =
  'this deployment has no workload; the workload of the previous one is still guaranteed (`removeWorkload: true` removes it)';
const NO_WORKLOAD_RESTORED_WARNING =
  'the code that the rollback restores has no workload: no statement is guarded until a deployment has one';

/**
 * Deletes the planning results when the deployment ends. If a stack's deployment failed it is rolled back, so what it
 * broke with consent works again.
 */
export const buildForgetAnswersSql = (
  { namespace, owner }: ConvergeRequest,
  status: ConvergeOutcome['status'],
): string =>
  `SELECT trueup._delete_deployment_plans(${quoteLiteral(namespace)}, ${status === 'done' || owner === null})`;

/** Counts what the database has run until now, so that later activity can be distinguished from it. */
export const buildCountLiveSql = ({ ownerRole }: Pick<ConvergeRequest, 'ownerRole'>): string =>
  `SELECT trueup._count_live_statements(${quoteTextArray(ownerRole == null ? [] : [ownerRole])})`;

export interface GuardOptions {
  /** How long its locks may be held if writers queue behind them, in milliseconds; `null` if there are none. */
  readonly holdMs?: number | null;
  /**
   * Whether the migration has already taken effect and cannot be undone, so that broken statements are only recorded.
   * @default false
   */
  readonly nonTransactional?: boolean;
  /** Maximum time for planning the statements that the migration touches, in milliseconds. */
  readonly guardMs: number;
}

/** Runs the guard in the migration's transaction, before its row is written. */
export const buildGuardStatementSql = (
  migration: Migration,
  { namespace, deployment }: RunNames,
  { holdMs = null, nonTransactional = false, guardMs }: GuardOptions,
): string => {
  const consent = migration.breaks !== undefined;
  const touches = collectTouchedObjects(migration.statements);
  const asked = {
    namespace,
    deployment,
    migration: migration.name,
    holdMs,
    consent,
    nonTransactional,
    guardMs,
    touches,
  };
  return `SELECT trueup._guard(${quoteLiteral(JSON.stringify(asked))})`;
};

/**
 * Guards a DROP INDEX outside a transaction, before it runs. Returns no statements for anything else, or if the file
 * consents to breaking statements.
 */
export function buildGuardDropSql(migration: Migration, { target }: Statement, names: RunNames): string[] {
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
