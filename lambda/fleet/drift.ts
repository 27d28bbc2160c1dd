/** Of many tenants' checks, one report: by kind. Pure. */
import type { AuditDrift } from '../contract/audit';
import { describeError, type ErrorInfo } from '../contract/errors';
import type { FleetDrift, FleetFinding } from '../contract/fleet-drift';
import type { Verification } from '../contract/status';
import type { WorkloadDrift } from '../contract/workload';

export interface TenantSeen {
  /** `database`, or `database/schema`. */
  readonly name: string;
  readonly verification: Verification;
  /** @default - none is promised */
  readonly workload?: WorkloadDrift | null;
}

export interface DatabaseSeen {
  readonly name: string;
  /** It could not be asked. @default - it could */
  readonly error?: ErrorInfo;
  /** @default - it was not its turn */
  readonly audit?: AuditDrift;
}

const NAMED = 5;
const LONGEST = 300;

export function fleetDrift(
  tenants: readonly TenantSeen[],
  databases: readonly DatabaseSeen[],
  rest: Pick<FleetDrift, 'notReached' | 'deploying' | 'logging'>,
): FleetDrift {
  const audits = databases.flatMap(({ audit }) => (audit ? [audit] : []));
  const found = new Map<string, { names: Set<string>; example: string }>();
  const add = (kind: string, name: string, example: string): void => {
    const each = found.get(kind) ?? { names: new Set(), example: short(example) };
    found.set(kind, each);
    each.names.add(name);
  };
  for (const { name, verification, workload = null } of tenants) {
    const { findings, errors, pending } = verification;
    if (findings[0]) add('drift', name, `${findings[0].migration}: ${findings[0].sentence}`);
    else if (errors[0]) add('unproved', name, describeError(errors[0]));
    if (pending[0]) add('pending', name, `${pending.length} pending, the first is ${pending[0]}`);
    if (workload !== null && workload.broken > 0)
      add('workload', name, `${workload.broken} of ${workload.statements} statements no longer plan`);
  }
  for (const { name, error, audit } of databases) {
    if (error) add('unreachable', name, describeError(error));
    for (const { id, object, message } of audit?.named ?? []) add(id, name, `${object}: ${message}`);
  }
  const kept = audits.filter(({ unpaged }) => unpaged !== null);
  return {
    looked: tenants.length,
    audited: audits.length,
    kinds: [...found]
      .map(([kind, { names, example }]): FleetFinding => {
        const all = [...names].sort();
        return { kind, tenants: all.length, first: all.slice(0, NAMED), example };
      })
      .sort((a, b) => b.tenants - a.tenants || (a.kind < b.kind ? -1 : 1)),
    unpaged:
      audits.length > 0 && kept.length === 0 ? null : kept.reduce((sum, { unpaged }) => sum + unpaged!, 0),
    ...rest,
  };
}

/** How many tenants have a finding of this kind. */
export const tenantsWith = ({ kinds }: FleetDrift, kind: string): number =>
  kinds.find((each) => each.kind === kind)?.tenants ?? 0;

const short = (text: string): string =>
  text.length > LONGEST ? `${text.slice(0, LONGEST).replace(/[\ud800-\udbff]$/, '')}…` : text;
