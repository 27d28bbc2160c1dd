import { Annotations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { FleetFile } from '../../../lambda/contract/fleet';
import type { Manifest } from '../../../lambda/contract/manifest';
import { throwProblems } from '../validation/prop-checks';
import { estimateCapacity, type PlannedFleet } from './fleet-plan';
import type { SchemaFleetProps } from './schema-fleet-props';

/**
 * Prints how long a deployment of the fleet takes, and warns of risky combinations of props. @param totalS
 * `totalTimeout`
 */
export function reportCapacity(
  fleet: Construct,
  props: SchemaFleetProps,
  planned: PlannedFleet,
  manifest: Manifest,
  totalS: number,
): void {
  const { fits, text } = estimateCapacity(props, planned, totalS);
  if (fits) Annotations.of(fleet).addInfo(text);
  else Annotations.of(fleet).addWarningV2('trueup:fleetTime', text);
  const { maxFailures } = planned.plan;
  if (maxFailures > 0)
    Annotations.of(fleet).addWarningV2(
      'trueup:fleetMaxFailures',
      `maxFailures is ${maxFailures}: what depends on this fleet is updated while up to ${maxFailures} tenants are behind. Their application must be able to live with that.`,
    );
  if (planned.plan.waitFor === 'canary' && props.alarms === undefined)
    Annotations.of(fleet).addWarningV2(
      'trueup:fleetUnwatched',
      "waitFor is 'canary', so failures of the other waves are not reported. Set `alarms`.",
    );
  const [{ tenantTimeoutMs }] = Object.values(planned.files) as [FleetFile];
  if (tenantTimeoutMs > totalS * 1_000)
    Annotations.of(fleet).addWarningV2(
      'trueup:fleetTenantTime',
      `One tenant may take ${tenantTimeoutMs / 1_000} s (tenantTimeout), and the whole deployment ${totalS} s (totalTimeout): no tenant can use that much. Make tenantTimeout shorter, or totalTimeout longer.`,
    );
  const shared = findSharedTable(props, manifest);
  if (shared !== undefined)
    Annotations.of(fleet).addWarningV2(
      'trueup:fleetSchemaName',
      `${shared.file} names ${shared.relation} with its schema: for tenants in schemas of one database that is the same table for all of them, and the second tenant finds it changed already. Leave the schema out.`,
    );
  if (planned.plan.canaries.length > (props.expectedTenants ?? Number.POSITIVE_INFINITY))
    throwProblems(fleet, 'canary names more tenants than expectedTenants says there are');
}

/**
 * Matches statements that create a relation. A new relation needs no lock, so it is not among a statement's `locks`.
 */
const CREATE_STATEMENT =
  /^\s*CREATE\s+(?:UNLOGGED\s+)?(?:TABLE|VIEW|MATERIALIZED\s+VIEW|SEQUENCE|TYPE)\s+(?:IF\s+NOT\s+EXISTS\s+)?((?:"(?:[^"]|"")*"|[\w$]+)\.(?:"(?:[^"]|"")*"|[\w$]+))/i;

/** Returns a relation that a file qualifies with a fixed schema, if every tenant of the fleet is a schema. */
function findSharedTable(
  { tenants, sharedSchemas = [] }: SchemaFleetProps,
  { migrations }: Manifest,
): { readonly file: string; readonly relation: string } | undefined {
  if (!tenants.every(({ _source: source }) => source?.kind === 'schemas')) return undefined;
  for (const { file, statements } of migrations)
    for (const relation of statements.flatMap(({ sql, locks }) => [
      ...(CREATE_STATEMENT.exec(sql)?.slice(1) ?? []),
      ...locks.map((lock) => lock.relation),
    ])) {
      const [, schema] = /^("(?:[^"]|"")*"|[^".]+)\./.exec(relation) ?? [];
      if (schema !== undefined && ![...sharedSchemas, 'pg_catalog'].includes(schema.replace(/^"|"$/g, '')))
        return { file, relation };
    }
  return undefined;
}
